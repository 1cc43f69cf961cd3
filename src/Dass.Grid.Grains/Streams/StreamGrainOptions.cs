using Dass.Grid.Engine.Events;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Grains.Streams;

/// <summary>How long streams wait, what they keep, and when a silo takes no more of them. Section <c>Grid:Streams</c>.</summary>
public sealed class StreamGrainOptions
{
    /// <summary>
    /// A stream that has not got a chunk's length of audio for this long gives its slot back and lies in the store until audio comes: a few
    /// bytes now and then do not keep a slot. Default: 2 minutes.
    /// </summary>
    public TimeSpan HibernateAfter { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>A stream without audio for this long ends. Default: 24 hours.</summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromHours(24);

    /// <summary>An ended stream answers with its end for this long, then it is forgotten. Default: 5 minutes.</summary>
    public TimeSpan Retention { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How often a stream checks its timeouts and reports to its tenant. Default: 15 seconds.</summary>
    public TimeSpan Upkeep { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>An observer that has not renewed its lease for this long is dropped. Default: 60 seconds.</summary>
    public TimeSpan ObserverLease { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Chunks of tags that a stream keeps for late readers; about 4 kB each. A stream that waits in the store without a client keeps
    /// those of its checkpoint. Default: 512.
    /// </summary>
    public int HistoryChunks { get; set; } = 512;

    /// <summary>
    /// When sounds of streams count as events, unless their clients ask otherwise. Defaults: those of <see cref="EventRule"/>.
    /// </summary>
    public EventRule Events { get; set; } = new();

    /// <summary>
    /// A silo whose live steps wait longer than this for the device takes no new streams: those that are there would wait still longer.
    /// Default: 2 seconds.
    /// </summary>
    public TimeSpan MaxLiveWait { get; set; } = TimeSpan.FromSeconds(2);
}

internal sealed class StreamGrainOptionsValidator : IValidateOptions<StreamGrainOptions>
{
    public ValidateOptionsResult Validate(string? name, StreamGrainOptions options)
    {
        var rules = new OptionRules();
        rules.MoreThanZero($"Grid:Streams:{nameof(options.HibernateAfter)}", options.HibernateAfter);
        rules.MoreThanZero($"Grid:Streams:{nameof(options.IdleTimeout)}", options.IdleTimeout);
        rules.MoreThanZero($"Grid:Streams:{nameof(options.Retention)}", options.Retention);
        rules.Timer($"Grid:Streams:{nameof(options.Upkeep)}", options.Upkeep);
        rules.MoreThanZero($"Grid:Streams:{nameof(options.ObserverLease)}", options.ObserverLease);
        rules.MoreThanZero($"Grid:Streams:{nameof(options.MaxLiveWait)}", options.MaxLiveWait);
        rules.AtLeast($"Grid:Streams:{nameof(options.HistoryChunks)}", options.HistoryChunks, 1);
        rules.Nested($"Grid:Streams:{nameof(options.Events)}", options.Events.Validate);
        return rules.Result;
    }
}
