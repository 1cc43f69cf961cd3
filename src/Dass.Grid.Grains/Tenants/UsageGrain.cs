using Dass.Grid.Grains.Streams;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Concurrency;
using Orleans.Storage;

namespace Dass.Grid.Grains.Tenants;

/// <summary>Adds up what a tenant's streams report. Their totals are kept apart until they are final, so nothing counts twice.</summary>
[Reentrant]
public sealed class UsageGrain : Grain, IUsageGrain
{
    private static readonly TimeSpan Gather = TimeSpan.FromSeconds(1);

    /// <summary>A final report may be repeated for this long: the store was away, or an answer got lost.</summary>
    private static readonly TimeSpan Memory = TimeSpan.FromHours(1);

    /// <summary>A span that nobody has reported for this long has ended with its stream.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromDays(7);

    private readonly StoredJson<Account> _store;
    private readonly GatheredWrites _writes;
    private readonly TimeProvider _time;
    private Account _account = new([], []);

    public UsageGrain([FromKeyedServices(StreamGrainShared.Store)] IGrainStorage storage, TimeProvider time)
    {
        _store = new StoredJson<Account>(storage, "usage", this.GetGrainId());
        _writes = new GatheredWrites(WriteAsync, Gather);
        _time = time;
    }

    public override async Task OnActivateAsync(CancellationToken cancellationToken) => _account = await _store.ReadAsync() ?? _account;

    public Task Report(UsageSpan span)
    {
        var key = $"{span.Stream}/{span.Begun.UtcTicks}/{span.FromChunk}/{span.Model}";
        if (_account.Spans.TryGetValue(key, out var known))
        {
            // A stream that went back to its checkpoint hears again what it has reported before.
            span = span with
            {
                AudioSeconds = Math.Max(span.AudioSeconds, known.Span.AudioSeconds), Events = Math.Max(span.Events, known.Span.Events), Final = span.Final || known.Span.Final,
            };
        }
        _account.Spans[key] = new Reported(span, _time.GetUtcNow());
        return _writes.DoneAsync();
    }

    public Task<ModelUsage[]> Get()
    {
        var totals = _account.Folded.ToDictionary(usage => usage.Model, StringComparer.Ordinal);
        foreach (var (span, _) in _account.Spans.Values)
        {
            Add(totals, span);
        }
        return Task.FromResult(totals.Values.OrderBy(usage => usage.Model, StringComparer.Ordinal).ToArray());
    }

    private static void Add(Dictionary<string, ModelUsage> totals, UsageSpan span)
    {
        var before = totals.GetValueOrDefault(span.Model) ?? new ModelUsage(span.Model, 0, 0, 0);
        totals[span.Model] = before with
        {
            AudioSeconds = before.AudioSeconds + span.AudioSeconds, Streams = before.Streams + (span.FromChunk == 0 ? 1 : 0), Events = before.Events + span.Events,
        };
    }

    private async Task WriteAsync()
    {
        var now = _time.GetUtcNow();
        var old = _account.Spans.Where(entry => now - entry.Value.At > (entry.Value.Span.Final ? Memory : Silence)).ToArray();
        if (old.Length > 0)
        {
            var totals = _account.Folded.ToDictionary(usage => usage.Model, StringComparer.Ordinal);
            foreach (var (key, reported) in old)
            {
                Add(totals, reported.Span);
                _account.Spans.Remove(key);
            }
            _account = _account with { Folded = [.. totals.Values] };
        }
        try
        {
            await _store.WriteAsync(_account);
        }
        catch (InconsistentStateException)
        {
            DeactivateOnIdle(); // another activation has written; the streams tell that one again
            throw;
        }
    }

    /// <param name="Folded">Totals of spans that are forgotten.</param>
    /// <param name="Spans">The others, by key.</param>
    internal sealed record Account(ModelUsage[] Folded, Dictionary<string, Reported> Spans);

    /// <param name="Span">What was reported last.</param>
    /// <param name="At">When.</param>
    internal sealed record Reported(UsageSpan Span, DateTimeOffset At);
}
