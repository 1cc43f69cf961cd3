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

    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(100);

    private readonly StoredJson<SortedDictionary<long, DateTimeOffset>> _store;
    private readonly GatheredWrites _writes;
    private readonly TimeSpan _retention;
    private readonly TimeProvider _time;
    private SortedDictionary<long, DateTimeOffset> _spans = []; // and when they were added

    public EventIndexGrain([FromKeyedServices(GridStorage.Name)] IGrainStorage storage, IOptions<RecordOptions> options, TimeProvider time)
    {
        _store = new StoredJson<SortedDictionary<long, DateTimeOffset>>(storage, "event-index", this.GetGrainId());
        // The logs add their spans again to the activation that has written.
        _writes = new GatheredWrites(() => _store.WriteAsync(_spans), Gather, DeactivateOnIdle);
        (_retention, _time) = (options.Value.EventRetention, time);
    }

    public override async Task OnActivateAsync(CancellationToken cancellationToken) => _spans = await _store.ReadAsync() ?? _spans;

    public Task Add(long span)
    {
        _spans[span] = _time.GetUtcNow();
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
        return _spans.Where(entry => entry.Value >= oldest).Select(entry => entry.Key).ToArray();
    }

    private async Task SweepAsync()
    {
        var oldest = _time.GetUtcNow() - _retention;
        var old = _spans.Where(entry => entry.Value < oldest).Take(SweptSpans).ToArray();
        foreach (var (span, added) in old)
        {
            await GrainFactory.GetGrain<IEventLogGrain>(new EventLogKey(this.GetPrimaryKeyString(), span).ToString()).Clear();
            if (_spans.GetValueOrDefault(span) == added)
            {
                _spans.Remove(span);
            }
        }
        if (old.Length > 0)
        {
            await _writes.WriteAsync();
        }
    }
}
