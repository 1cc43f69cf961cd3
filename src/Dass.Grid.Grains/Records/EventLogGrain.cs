using Dass.Grid.Grains.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Concurrency;
using Orleans.Storage;

namespace Dass.Grid.Grains.Records;

/// <summary>
/// Keeps one span of a tenant's events. Appends are gathered for a second, so that many streams cost one write, of the last page.
/// </summary>
[Reentrant, GrainType("eventlog")]
public sealed partial class EventLogGrain : Grain, IEventLogGrain
{
    private const int PageEvents = 256; // 80 kB

    private static readonly TimeSpan Gather = TimeSpan.FromSeconds(1);

    private readonly StoredPages<List<LoggedEvent>> _pages;
    private readonly Dictionary<(string, DateTimeOffset, string), (StoredPage<List<LoggedEvent>> Page, int Place)> _places = [];
    private readonly GatheredWrites _writes;
    private readonly RecordOptions _options;
    private readonly GrainsInstruments _instruments;
    private readonly ILogger _logger;
    private readonly EventLogKey _key;
    private readonly TimeProvider _time;
    private bool _full; // as far as it has been logged
    private DateTimeOffset _indexed; // when the index has been told last

    public EventLogGrain(
        [FromKeyedServices(GridStorage.Name)] IGrainStorage storage,
        IOptions<RecordOptions> options,
        GrainsInstruments instruments,
        TimeProvider time,
        ILogger<EventLogGrain> logger)
    {
        _time = time;
        _pages = new StoredPages<List<LoggedEvent>>(storage, number => number == 0 ? "events" : $"events-{number}", () => []);
        // The streams append again to the activation that has written.
        _writes = new GatheredWrites(_pages.WriteAsync, Gather, DeactivateOnIdle);
        (_options, _instruments, _logger, _key) = (options.Value, instruments, logger, EventLogKey.Parse(this.GetPrimaryKeyString()));
    }

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await _pages.LoadAsync(this.GetGrainId());
        foreach (var page in _pages.All)
        {
            // A silo of an earlier version, which reads the first page only, has added again what is on others.
            page.IsChanged = page.Value.RemoveAll(sound => _places.ContainsKey(Key(sound))) > 0;
            foreach (var (place, sound) in page.Value.Index())
            {
                _places.Add(Key(sound), (page, place));
            }
        }
    }

    public async Task Append(LoggedEvent[] events)
    {
        // Again and again: the index has a log cleared that is as old as it has last heard of it.
        if (_time.GetUtcNow() is var now && now - _indexed > _options.EventRetention / 8)
        {
            await GrainFactory.GetGrain<IEventIndexGrain>(_key.Tenant).Add(_key.Span);
            _indexed = now;
        }
        var lost = 0;
        foreach (var sound in events)
        {
            if (!TryAdd(sound))
            {
                lost++;
            }
        }
        if (lost > 0)
        {
            _instruments.OnEventsLost(lost);
            if (!_full)
            {
                LogFull(lost, _key.Tenant, EventLogKey.BeginOf(_key.Span), _options.EventsPerSpan);
            }
            _full = true;
        }
        await _writes.WriteAsync();
        _instruments.OnEventsKept(events.Length - lost);
    }

    public Task<LoggedEvent[]> Read(EventQuery query)
    {
        var wanted = _pages.All.SelectMany(page => page.Value)
            .Where(sound => sound.Onset >= query.From && sound.Onset < query.To && sound.Peak >= query.MinPeak)
            .Where(sound => query.Streams?.Contains(sound.Stream) ?? true)
            .Where(sound => query.Prefix is null || sound.Stream.StartsWith(query.Prefix, StringComparison.Ordinal))
            .Where(sound => query.Labels?.Any(new LabelName(sound.LabelId, sound.Label).IsCalled) ?? true);
        LoggedEvent[] found =
        [
            .. (query.NewestFirst ? wanted.OrderByDescending(sound => sound.Onset) : wanted.OrderBy(sound => sound.Onset))
                .ThenBy(sound => sound.Stream, StringComparer.Ordinal)
                .ThenBy(sound => sound.Id, StringComparer.Ordinal)
                .ThenBy(sound => sound.Begun)
                .Skip(query.Skip)
                .Take(query.Most > 0 ? query.Most : int.MaxValue),
        ];
        if (found.Length > 0)
        {
            found[0] = found[0] with { Skipped = query.Skip };
        }
        return Task.FromResult(found);
    }

    public async Task Clear()
    {
        await _pages.TrimAsync(_ => true);
        _places.Clear();
        _indexed = default;
        DeactivateOnIdle();
    }

    /// <returns>False: there is no room.</returns>
    private bool TryAdd(LoggedEvent sound)
    {
        var key = Key(sound);
        if (_places.TryGetValue(key, out var known))
        {
            known.Page.IsChanged |= known.Page.Value[known.Place] != sound;
            known.Page.Value[known.Place] = sound;
            return true;
        }
        if (_places.Count >= _options.EventsPerSpan)
        {
            return false;
        }
        var page = _pages.WithRoom(events => events.Count < PageEvents);
        _places.Add(key, (page, page.Value.Count));
        page.Value.Add(sound);
        return page.IsChanged = true;
    }

    private static (string, DateTimeOffset, string) Key(LoggedEvent sound) => (sound.Stream, sound.Begun, sound.Id);
}
