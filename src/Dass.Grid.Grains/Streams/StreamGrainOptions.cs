using Dass.Grid.Engine.Events;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Grains.Streams;

/// <summary>Limits of streams on a silo.</summary>
public sealed class StreamGrainOptions
{
    /// <summary>How often a stream's state is written to the store, a third more or less at random. Default: 45 seconds.</summary>
    public TimeSpan CheckpointInterval { get; set; } = TimeSpan.FromSeconds(45);

    /// <summary>How soon a checkpoint that the store did not take is tried again. Default: 5 seconds.</summary>
    public TimeSpan CheckpointRetry { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Chunks of tags that a checkpoint keeps; about 4 kB each with 527 labels. Default: 64.</summary>
    public int CheckpointChunks { get; set; } = 64;

    /// <summary>A stream without audio for this long gives its slot back and lies in the store until audio comes. Default: 2 minutes.</summary>
    public TimeSpan HibernateAfter { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>A stream without audio for this long ends. Default: 24 hours.</summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromHours(24);

    /// <summary>An ended stream answers with its end for this long, then it is forgotten. Default: 5 minutes.</summary>
    public TimeSpan Retention { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How often a stream looks at its timeouts and reports to its tenant. Default: 15 seconds.</summary>
    public TimeSpan Upkeep { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How often a tenant's list of its streams is written to the store, if it has changed. Default: 2 seconds.</summary>
    public TimeSpan ListInterval { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Streams of a tenant that its list in the store holds, about 100 bytes each; those beyond are listed only while they report. Default: 100,000.
    /// </summary>
    public int ListedStreams { get; set; } = 100_000;

    /// <summary>Streams that have fallen silent, most of all with their silo, which a silo looks up in the store per second. Default: 20.</summary>
    public int LookupsPerSecond { get; set; } = 20;

    /// <summary>An observer that has not renewed its lease for this long is dropped. Default: 60 seconds.</summary>
    public TimeSpan ObserverLease { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Chunks of tags that a stream keeps for late readers; about 4 kB each. Default: 512.</summary>
    public int HistoryChunks { get; set; } = 512;

    /// <summary>When sounds of streams count as events, unless their clients say otherwise. Defaults: those of <see cref="EventRule"/>.</summary>
    public EventRule Events { get; set; } = new();

    /// <summary>How long closed events are kept for ListEvents. Zero: they are not kept. Default: 7 days.</summary>
    public TimeSpan EventRetention { get; set; } = TimeSpan.FromDays(7);

    /// <summary>Closed events of a tenant that are kept of each five minutes; about 300 bytes each. Default: 50,000.</summary>
    public int EventsPerSpan { get; set; } = 50_000;

    /// <summary>
    /// A silo whose device has been at one batch for this long counts as hung and ends, so that its streams go on elsewhere. Default: 60 seconds.
    /// </summary>
    public TimeSpan StuckAfter { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// A silo whose live steps wait longer than this for the device takes no new streams: those that are there would wait still longer. Default: 2
    /// seconds.
    /// </summary>
    public TimeSpan MaxLiveWait { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Longest recording that is tagged in one call. Default: 60 seconds.</summary>
    public TimeSpan MaxClip { get; set; } = TimeSpan.FromSeconds(60);
}

/// <summary>Reports every broken rule at start.</summary>
internal sealed class StreamGrainOptionsValidator : IValidateOptions<StreamGrainOptions>
{
    public ValidateOptionsResult Validate(string? name, StreamGrainOptions options)
    {
        var errors = new List<string>();
        void Positive(string option, TimeSpan value)
        {
            if (value <= TimeSpan.Zero)
            {
                errors.Add($"Grid:Streams:{option} is {value}; more than zero.");
            }
        }
        Positive(nameof(options.CheckpointInterval), options.CheckpointInterval);
        Positive(nameof(options.CheckpointRetry), options.CheckpointRetry);
        Positive(nameof(options.HibernateAfter), options.HibernateAfter);
        Positive(nameof(options.IdleTimeout), options.IdleTimeout);
        Positive(nameof(options.Retention), options.Retention);
        Positive(nameof(options.Upkeep), options.Upkeep);
        Positive(nameof(options.ListInterval), options.ListInterval);
        Positive(nameof(options.ObserverLease), options.ObserverLease);
        Positive(nameof(options.StuckAfter), options.StuckAfter);
        Positive(nameof(options.MaxLiveWait), options.MaxLiveWait);
        Positive(nameof(options.MaxClip), options.MaxClip);
        try
        {
            options.Events.Validate();
        }
        catch (ArgumentException broken)
        {
            errors.Add($"Grid:Streams:{nameof(options.Events)}: {broken.Message}");
        }
        if (options.HistoryChunks < 1)
        {
            errors.Add($"Grid:Streams:{nameof(options.HistoryChunks)} is {options.HistoryChunks}; at least 1.");
        }
        if (options.ListedStreams < 0)
        {
            errors.Add($"Grid:Streams:{nameof(options.ListedStreams)} is {options.ListedStreams}; 0 or more.");
        }
        if (options.LookupsPerSecond < 1)
        {
            errors.Add($"Grid:Streams:{nameof(options.LookupsPerSecond)} is {options.LookupsPerSecond}; at least 1.");
        }
        if (options.EventRetention < TimeSpan.Zero)
        {
            errors.Add($"Grid:Streams:{nameof(options.EventRetention)} is {options.EventRetention}; zero or more.");
        }
        if (options.EventsPerSpan < 1)
        {
            errors.Add($"Grid:Streams:{nameof(options.EventsPerSpan)} is {options.EventsPerSpan}; at least 1.");
        }
        if (options.CheckpointChunks < 0)
        {
            errors.Add($"Grid:Streams:{nameof(options.CheckpointChunks)} is {options.CheckpointChunks}; 0 or more.");
        }
        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }
}
