using Dass.Grid.Grains.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Concurrency;
using Orleans.Storage;

namespace Dass.Grid.Grains.Records;

/// <summary>Adds up what a tenant's streams report. Their totals are kept apart until they are final, so nothing counts twice.</summary>
[Reentrant, GrainType("usage")]
public sealed class UsageGrain : Grain, IUsageGrain
{
    private const int PageSpans = 256; // 80 kB

    private static readonly TimeSpan Gather = TimeSpan.FromSeconds(1);

    /// <summary>A final report may be repeated for this long: the store was away, or an answer got lost.</summary>
    private static readonly TimeSpan Memory = TimeSpan.FromHours(1);

    /// <summary>A span without a report for this long after its stream must have ended has ended with it.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromDays(7);

    private readonly StoredPages<UsagePage> _pages;
    private readonly Dictionary<string, StoredPage<UsagePage>> _pageOf = new(StringComparer.Ordinal);
    private readonly GatheredWrites _writes;
    private readonly TimeProvider _time;
    private readonly TimeSpan _silence;

    public UsageGrain(
        [FromKeyedServices(GridStorage.Name)] IGrainStorage storage, IOptions<RecordOptions> options, TimeProvider time)
    {
        _silence = options.Value.LongestPause + Silence;
        _pages = new StoredPages<UsagePage>(
            storage, number => number == 0 ? "usage" : $"usage-{number}", () => new UsagePage([], []));
        _writes = new GatheredWrites(WriteAsync, Gather, DeactivateOnIdle); // the streams report again to the activation that has written
        _time = time;
    }

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await _pages.LoadAsync(this.GetGrainId());
        foreach (var page in _pages.All)
        {
            foreach (var key in page.Value.Spans.Keys.ToArray())
            {
                if (!_pageOf.TryAdd(key, page))
                {
                    MergePages(key, _pageOf[key], page);
                }
            }
        }
    }

    public Task Report(UsageSpan span)
    {
        var key = $"{span.Stream}/{span.Begun.UtcTicks}/{span.FromChunk}/{span.Model}";
        if (!_pageOf.TryGetValue(key, out var page))
        {
            page = _pages.WithRoom(usage => usage.Spans.Count < PageSpans);
            _pageOf.Add(key, page);
        }
        else
        {
            span = Merge(page.Value.Spans[key].Span, span);
        }
        page.Value.Spans[key] = new Reported(span, _time.GetUtcNow());
        page.IsChanged = true;
        return _writes.WriteAsync();
    }

    public Task<ModelUsage[]> Get()
    {
        var totals = new Dictionary<string, ModelUsage>(StringComparer.Ordinal);
        foreach (var usage in _pages.All.Select(page => page.Value))
        {
            Array.ForEach(usage.Folded, folded => Add(totals, folded));
            foreach (var (span, _) in usage.Spans.Values)
            {
                Add(totals, UsageOf(span));
            }
        }
        return Task.FromResult(totals.Values.OrderBy(usage => usage.Model, StringComparer.Ordinal).ToArray());
    }

    /// <summary>
    /// A span is on two pages: two activations at a time have added it, each on a page that the other did not write, or a silo of an
    /// earlier version, which reads the first page only. It stays on the page that is written first, so that a crash between the two writes
    /// loses nothing.
    /// </summary>
    private static void MergePages(string key, StoredPage<UsagePage> first, StoredPage<UsagePage> second)
    {
        var (one, other) = (first.Value.Spans[key], second.Value.Spans[key]);
        first.Value.Spans[key] = new Reported(Merge(one.Span, other.Span), one.At > other.At ? one.At : other.At);
        second.Value.Spans.Remove(key);
        first.IsChanged = second.IsChanged = true;
    }

    /// <summary>A stream that went back to its checkpoint takes in again what it has reported before.</summary>
    private static UsageSpan Merge(UsageSpan known, UsageSpan span) => span with
    {
        AudioSeconds = Math.Max(span.AudioSeconds, known.AudioSeconds),
        Events = Math.Max(span.Events, known.Events),
        Final = span.Final || known.Final,
    };

    private static ModelUsage UsageOf(UsageSpan span) => new(span.Model, span.AudioSeconds, span.FromChunk == 0 ? 1 : 0, span.Events);

    private static void Add(Dictionary<string, ModelUsage> totals, ModelUsage usage)
    {
        var before = totals.GetValueOrDefault(usage.Model) ?? new ModelUsage(usage.Model, 0, 0, 0);
        totals[usage.Model] = before with
        {
            AudioSeconds = before.AudioSeconds + usage.AudioSeconds,
            Streams = before.Streams + usage.Streams,
            Events = before.Events + usage.Events,
        };
    }

    /// <summary>
    /// Spans that need not be kept become totals on their own page: so one write holds both. It is done where a page is written anyway, or
    /// half of it can go.
    /// </summary>
    private void Fold(StoredPage<UsagePage> page)
    {
        var now = _time.GetUtcNow();
        var old = page.Value.Spans.Where(entry => now - entry.Value.At > (entry.Value.Span.Final ? Memory : _silence)).ToArray();
        if (old.Length == 0 || (!page.IsChanged && old.Length * 2 < page.Value.Spans.Count))
        {
            return;
        }
        var totals = page.Value.Folded.ToDictionary(usage => usage.Model, StringComparer.Ordinal);
        foreach (var (key, reported) in old)
        {
            Add(totals, UsageOf(reported.Span));
            page.Value.Spans.Remove(key);
            _pageOf.Remove(key);
        }
        page.Value = page.Value with { Folded = [.. totals.Values] };
        page.IsChanged = true;
    }

    private async Task WriteAsync()
    {
        foreach (var page in _pages.All)
        {
            Fold(page);
        }
        await _pages.WriteAsync();
    }

    /// <param name="Folded">Totals of spans that are no longer kept.</param>
    /// <param name="Spans">The others, by key.</param>
    internal sealed record UsagePage(ModelUsage[] Folded, Dictionary<string, Reported> Spans);

    /// <param name="Span">What was reported last.</param>
    /// <param name="At">When.</param>
    internal sealed record Reported(UsageSpan Span, DateTimeOffset At);
}
