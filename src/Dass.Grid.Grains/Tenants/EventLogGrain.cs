using Dass.Grid.Grains.Streams;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Concurrency;
using Orleans.Storage;

namespace Dass.Grid.Grains.Tenants;

/// <summary>Keeps one span of a tenant's events. Appends are gathered for a second, so that many streams cost one write.</summary>
[Reentrant]
public sealed partial class EventLogGrain : Grain, IEventLogGrain
{
    private static readonly TimeSpan Gather = TimeSpan.FromSeconds(1);

    private readonly Dictionary<(string, DateTimeOffset, string), LoggedEvent> _events = [];
    private readonly StoredJson<LoggedEvent[]> _store;
    private readonly GatheredWrites _writes;
    private readonly StreamGrainOptions _options;
    private readonly GrainsInstruments _instruments;
    private readonly ILogger _logger;
    private readonly EventLogKey _key;
    private bool _indexed;

    public EventLogGrain(
        [FromKeyedServices(StreamGrainShared.Store)] IGrainStorage storage, IOptions<StreamGrainOptions> options, GrainsInstruments instruments, ILogger<EventLogGrain> logger)
    {
        _store = new StoredJson<LoggedEvent[]>(storage, "events", this.GetGrainId());
        _writes = new GatheredWrites(WriteAsync, Gather);
        (_options, _instruments, _logger, _key) = (options.Value, instruments, logger, EventLogKey.Parse(this.GetPrimaryKeyString()));
    }

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        foreach (var sound in await _store.ReadAsync() ?? [])
        {
            _events.Add(Key(sound), sound);
        }
    }

    public async Task Append(LoggedEvent[] events)
    {
        if (!_indexed)
        {
            await GrainFactory.GetGrain<IEventIndexGrain>(_key.Tenant).Add(_key.Span);
            _indexed = true;
        }
        var lost = 0;
        foreach (var sound in events)
        {
            if (_events.Count < _options.EventsPerSpan || _events.ContainsKey(Key(sound)))
            {
                _events[Key(sound)] = sound;
            }
            else
            {
                lost++;
            }
        }
        if (lost > 0)
        {
            _instruments.OnEventsLost(lost);
            LogFull(lost, _key.Tenant, EventLogKey.BeginOf(_key.Span), _options.EventsPerSpan);
        }
        await _writes.DoneAsync();
    }

    public Task<LoggedEvent[]> Read(EventQuery query)
    {
        var found = _events.Values
            .Where(sound => sound.Onset >= query.From && sound.Onset < query.To && sound.Peak >= query.MinPeak)
            .Where(sound => query.Streams?.Contains(sound.Stream) ?? true)
            .Where(sound => query.Prefix is null || sound.Stream.StartsWith(query.Prefix, StringComparison.Ordinal))
            .Where(sound => query.Labels?.Any(new LabelName(sound.LabelId, sound.Label).IsCalled) ?? true)
            .OrderBy(sound => sound.Onset).ThenBy(sound => sound.Stream, StringComparer.Ordinal).ThenBy(sound => sound.Id, StringComparer.Ordinal)
            .ToArray();
        return Task.FromResult(found);
    }

    public async Task Clear()
    {
        await _store.ClearAsync();
        _events.Clear();
        _indexed = false;
        DeactivateOnIdle();
    }

    private static (string, DateTimeOffset, string) Key(LoggedEvent sound) => (sound.Stream, sound.Begun, sound.Id);

    private async Task WriteAsync()
    {
        try
        {
            await _store.WriteAsync([.. _events.Values]);
        }
        catch (InconsistentStateException)
        {
            DeactivateOnIdle(); // another activation has written; the streams tell that one again
            throw;
        }
    }

    [LoggerMessage(LogLevel.Warning, "{Lost} events of tenant {Tenant} are not kept: the five minutes from {Begin} on hold {Limit} already (Grid:Streams:EventsPerSpan).")]
    private partial void LogFull(int lost, string tenant, DateTimeOffset begin, int limit);
}
