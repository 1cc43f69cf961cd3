using Dass.Grid.Grains.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Concurrency;
using Orleans.Storage;

namespace Dass.Grid.Grains.Records;

/// <summary>Keeps the index of a tenant's event logs and clears those that are too old.</summary>
[Reentrant, GrainType("eventindex")]
public sealed class EventIndexGrain : Grain, IEventIndexGrain
{
    private const int SweptSpans = 12; // by one that is added
    private const int PageSpans = 1_024; // 50 kB, three and a half days

    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(100);

    private readonly StoredPages<SortedDictionary<long, DateTimeOffset>> _pages; // spans, and when they were added
    private readonly GatheredWrites _writes;
    private readonly TimeSpan _retention;
    private readonly TimeProvider _time;
    private readonly SortedDictionary<long, StoredPage<SortedDictionary<long, DateTimeOffset>>> _spans = []; // and where each is

    public EventIndexGrain([FromKeyedServices(GridStorage.Name)] IGrainStorage storage, IOptions<RecordOptions> options, TimeProvider time)
    {
        _pages = new StoredPages<SortedDictionary<long, DateTimeOffset>>(
            storage, number => number == 0 ? "event-index" : $"event-index-{number}", () => []);
        // The logs add their spans again to the activation that has written.
        _writes = new GatheredWrites(WriteAsync, Gather, DeactivateOnIdle);
        (_retention, _time) = (options.Value.EventRetention, time);
    }

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await _pages.LoadAsync(this.GetGrainId());
        foreach (var page in _pages.All)
        {
            foreach (var (span, added) in page.Value.ToArray())
            {
                if (!_spans.TryAdd(span, page)) // a silo of an earlier version, which reads the first page only, has added it again
                {
                    _spans[span].Value[span] = added > AddedAt(span) ? added : AddedAt(span);
                    _spans[span].IsChanged = page.IsChanged = page.Value.Remove(span);
                }
            }
        }
    }

    public Task Add(long span)
    {
        if (!_spans.TryGetValue(span, out var page))
        {
            page = _pages.WithRoom(spans => spans.Count < PageSpans);
            _spans.Add(span, page);
        }
        page.Value[span] = _time.GetUtcNow();
        page.IsChanged = true;
        SweepAsync().Ignore(); // a store that is away now is asked again with the next span
        return _writes.WriteAsync();
    }

    public Task<long[]> Find(long first, long last, int most)
    {
        if (_spans.Count == 0)
        {
            DeactivateOnIdle();
        }
        return Task.FromResult(
            Kept().SkipWhile(span => span < first).TakeWhile(span => span <= last).Take(most).ToArray());
    }

    public Task<long[]> FindNewest(long first, long last, int most)
    {
        if (_spans.Count == 0)
        {
            DeactivateOnIdle();
        }
        return Task.FromResult(
            Kept().Reverse().SkipWhile(span => span > last).TakeWhile(span => span >= first).Take(most).ToArray());
    }

    /// <summary>Those that are not too old. The others are cleared, also of a tenant without new events.</summary>
    private IEnumerable<long> Kept()
    {
        SweepAsync().Ignore();
        var oldest = _time.GetUtcNow() - _retention;
        return _spans.Keys.Where(span => AddedAt(span) >= oldest).ToArray();
    }

    private async Task SweepAsync()
    {
        var oldest = _time.GetUtcNow() - _retention;
        var old = _spans.Keys.Where(span => AddedAt(span) < oldest).Take(SweptSpans).ToArray();
        foreach (var span in old)
        {
            var added = AddedAt(span);
            await GrainFactory.GetGrain<IEventLogGrain>(new EventLogKey(this.GetPrimaryKeyString(), span).ToString()).Clear();
            if (_spans.TryGetValue(span, out var page) && page.Value[span] == added)
            {
                _spans.Remove(span);
                page.IsChanged = page.Value.Remove(span);
            }
        }
        if (old.Length > 0)
        {
            await _writes.WriteAsync();
        }
    }

    private DateTimeOffset AddedAt(long span) => _spans[span].Value[span];

    private async Task WriteAsync()
    {
        await _pages.TrimAsync(spans => spans.Count == 0);
        await _pages.WriteAsync();
    }
}
