using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Contracts;
using Dass.Grid.Grains.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>A tenant's event log and usage records, in the store.</summary>
public sealed class RecordPagesTests : IDisposable
{
    private const int Some = 700; // three pages

    private static readonly DateTimeOffset Begun = new(2026, 1, 5, 12, 0, 0, TimeSpan.Zero);
    private static readonly EventQuery All = new(null, null, null, DateTimeOffset.MinValue, DateTimeOffset.MaxValue, 0);

    private static readonly EventLogKey Key = new("acme", EventLogKey.SpanOf(Begun));

    private readonly FakeTimeProvider _time = new(Begun);
    private readonly StoreFolder _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task A_log_of_events_is_kept_in_pages_of_which_a_change_writes_one()
    {
        LoggedEvent[] events = [.. Enumerable.Range(0, Some)
            .Select(
                i => new LoggedEvent(
                    $"mic-{i % 7}", Begun, $"{i}-22", Begun.AddSeconds(i % 60), i, i + 1, "/m/0bt9lr", "Dog", 0.75f, 0.6f, "tiny"))];
        await using (var grid = await TestGrid.StartAsync(_store.Settings()))
        {
            var log = Log(grid);
            await log.Append(events);
            var before = _store.Versions();

            events[300] = events[300] with { Peak = 0.9f };
            await log.Append([events[300], events[10]]);
            Assert.Single(_store.Versions().Except(before));
        }
        // A silo of an earlier version keeps all on the first page.
        var first = new StoredJson<List<LoggedEvent>>(_store.Open(), "events", GrainId.Create("eventlog", Key.ToString()));
        await first.WriteAsync([.. (await first.ReadAsync())!, events[600]]);

        await using var again = await TestGrid.StartAsync(_store.Settings());
        var found = await Log(again).Read(All);
        Assert.Equal(
            events.OrderBy(sound => (sound.Onset, sound.Stream, sound.Id)), found.OrderBy(sound => (sound.Onset, sound.Stream, sound.Id)));
        await Log(again).Clear();
        Assert.False(_store.Holds("-22"));

        static IEventLogGrain Log(TestGrid grid) => grid.Host.Grains.GetGrain<IEventLogGrain>(Key.ToString());
    }

    [Fact]
    public async Task Records_that_a_power_cut_has_left_empty_are_written_again()
    {
        LoggedEvent[] events = [.. Enumerable.Range(0, Some)
            .Select(i => new LoggedEvent("mic", Begun, $"{i}-22", Begun.AddSeconds(i % 60), i, i + 1, "/m/0bt9lr", "Dog", 1, 1, "tiny"))];
        await using (var grid = await TestGrid.StartAsync(_store.Settings()))
        {
            await grid.Host.Grains.GetGrain<IEventLogGrain>(Key.ToString()).Append(events[..^1]);
            await grid.Host.Grains.GetGrain<IUsageGrain>("acme").Report(Span(0, "tiny", 1, 1, fromChunk: 0));
        }
        var records = Directory.GetFiles(_store.Place, "*.checkpoint");
        Assert.True(records.Length >= 5); // three pages of events, their index, use
        Array.ForEach(records, record => File.WriteAllBytes(record, []));
        for (var visit = 0; visit < 2; visit++)
        {
            await using var grid = await TestGrid.StartAsync(_store.Settings());
            var log = grid.Host.Grains.GetGrain<IEventLogGrain>(Key.ToString());
            if (visit == 0)
            {
                await log.Append(events);
                await grid.Host.Grains.GetGrain<IUsageGrain>("acme").Report(Span(0, "tiny", 1, 1, fromChunk: 0));
                await grid.Host.Grains.GetGrain<IEventIndexGrain>("acme").Add(Key.Span);
            }
            Assert.Equal(Some, (await log.Read(All)).Length);
            Assert.Equal([new ModelUsage("tiny", 1, 1, 1)], await grid.Host.Grains.GetGrain<IUsageGrain>("acme").Get());
            Assert.Equal([Key.Span], await grid.Host.Grains.GetGrain<IEventIndexGrain>("acme").Find(Key.Span, Key.Span, 1));
        }
    }

    [Fact]
    public async Task A_span_that_is_full_says_so_once_and_counts_what_it_loses()
    {
        var log = new RecordedLog(LogLevel.Warning);
        await using var grid = await TestGrid.StartAsync(
            _store.Settings(("Grid:Streams:EventsPerSpan", "2")), builder => builder.Logging.AddProvider(log));
        var span = grid.Host.Grains.GetGrain<IEventLogGrain>(Key.ToString());
        for (var i = 0; i < 5; i++)
        {
            await span.Append([new LoggedEvent("mic", Begun, $"{i}-22", Begun, i, i + 1, "/m/0bt9lr", "Dog", 1, 1, "tiny")]);
        }
        Assert.Single(log.Entries, line => line.Contains("(Grid:Streams:EventsPerSpan)", StringComparison.Ordinal));
        using var operations = new HttpClient { BaseAddress = grid.Host.OperationsAddress };
        var metrics = await operations.GetStringAsync("/metrics");
        Assert.Contains("result=\"kept\"} 2", metrics, StringComparison.Ordinal);
        Assert.Contains("result=\"lost\"} 3", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_index_of_logs_is_kept_in_pages_of_which_a_change_writes_one()
    {
        const int Spans = 3_000;
        await using (var grid = await TestGrid.StartAsync(_store.Settings()))
        {
            var index = grid.Host.Grains.GetGrain<IEventIndexGrain>("acme");
            await Task.WhenAll(Enumerable.Range(0, Spans).Select(span => index.Add(span)));
            var before = _store.Versions();
            await index.Add(Spans);
            Assert.InRange(new FileInfo(Assert.Single(_store.Versions().Except(before)).Key).Length, 1, 1 << 16);
        }
        // A silo of an earlier version keeps all on the first page.
        var first = new StoredJson<SortedDictionary<long, DateTimeOffset>>(
            _store.Open(), "event-index", GrainId.Create("eventindex", "acme"));
        var spans = (await first.ReadAsync())!;
        spans[Spans] = spans[Spans + 1] = TimeProvider.System.GetUtcNow();
        await first.WriteAsync(spans);

        await using var again = await TestGrid.StartAsync(_store.Settings());
        var found = await again.Host.Grains.GetGrain<IEventIndexGrain>("acme").Find(0, long.MaxValue, 2 * Spans);
        Assert.Equal(Enumerable.Range(0, Spans + 2).Select(span => (long)span), found);
    }

    [Fact]
    public async Task Use_is_kept_in_pages_whose_old_spans_become_totals_and_count_once()
    {
        ModelUsage[] expected = [new("large", Some, Some, 0), new("tiny", 2 * Some, 0, 3 * Some)];
        for (var visit = 0; visit < 3; visit++)
        {
            var grid = await TestGrid.StartAsync(_time, _store.Settings());
            var usage = grid.Host.Grains.GetGrain<IUsageGrain>("acme");
            if (visit == 0)
            {
                await Task.WhenAll(Enumerable.Range(0, Some).Select(i => usage.Report(Span(i, "large", 1, 0, fromChunk: 0))));
                await Task.WhenAll(Enumerable.Range(0, Some).Select(i => usage.Report(Span(i, "tiny", 2, 3, fromChunk: 9))));
            }
            Assert.Equal(expected, await usage.Get());

            var before = _store.Versions();
            await usage.Report(Span(Some - 1, "tiny", 2, 3, fromChunk: 9));
            Assert.Single(_store.Versions().Except(before));
            Assert.Equal(expected, await usage.Get());
            await grid.StopAsync(_time);
        }
        {
            _time.Advance(TimeSpan.FromHours(2));
            var grid = await TestGrid.StartAsync(_time, _store.Settings());
            var usage = grid.Host.Grains.GetGrain<IUsageGrain>("acme");
            await usage.Report(Span(Some, "tiny", 4, 5, fromChunk: 9));
            Assert.False(_store.Holds("mic-1/"));
            await grid.StopAsync(_time);
        }
        var last = await TestGrid.StartAsync(_time, _store.Settings());
        ModelUsage[] more = [expected[0], expected[1] with { AudioSeconds = (2 * Some) + 4, Events = (3 * Some) + 5 }];
        Assert.Equal(more, await last.Host.Grains.GetGrain<IUsageGrain>("acme").Get());
        await last.StopAsync(_time);
    }

    [Fact]
    public async Task Use_of_a_stream_that_may_be_silent_for_weeks_counts_once()
    {
        var settings = _store.Settings(("Grid:Streams:IdleTimeout", "30.00:00:00"));
        var grid = await TestGrid.StartAsync(_time, settings);
        await grid.Host.Grains.GetGrain<IUsageGrain>("acme").Report(Span(0, "tiny", 10, 0, 0) with { Final = false });
        await grid.StopAsync(_time);

        _time.Advance(TimeSpan.FromDays(20));
        var again = await TestGrid.StartAsync(_time, settings);
        var usage = again.Host.Grains.GetGrain<IUsageGrain>("acme");
        await usage.Report(Span(1, "tiny", 1, 0, 0)); // its page is written
        await usage.Report(Span(0, "tiny", 12, 0, 0));
        Assert.Equal([new ModelUsage("tiny", 13, 2, 0)], await usage.Get());
        await again.StopAsync(_time);
    }

    [Fact]
    public async Task A_log_to_which_events_are_added_for_longer_than_they_are_kept_is_not_cleared_meanwhile()
    {
        var grid = await TestGrid.StartAsync(_time, _store.Settings(("Grid:Streams:EventRetention", "00:08:00")));
        var log = grid.Host.Grains.GetGrain<IEventLogGrain>(Key.ToString());
        for (var i = 0; i < 3; i++)
        {
            await log.Append([new LoggedEvent("mic", Begun, $"{i}-22", Begun, i, i + 1, "/m/0bt9lr", "Dog", 0.75f, 0.6f, "tiny")]);
            _time.Advance(TimeSpan.FromMinutes(5));
        }
        Assert.Equal([Key.Span], await grid.Host.Grains.GetGrain<IEventIndexGrain>("acme").Find(0, long.MaxValue, 10));
        Assert.Equal(3, (await log.Read(All)).Length);
        await grid.StopAsync(_time);
    }

    [Fact]
    public async Task A_span_that_two_owners_have_entered_on_pages_of_their_own_counts_once()
    {
        const int Page = 256;
        TestGrid[] grids = [await TestGrid.StartAsync(_time, _store.Settings()), await TestGrid.StartAsync(_time, _store.Settings())];
        var (first, second) = (grids[0].Host.Grains.GetGrain<IUsageGrain>("acme"), grids[1].Host.Grains.GetGrain<IUsageGrain>("acme"));
        await Task.WhenAll(Enumerable.Range(0, Page / 3).Select(i => first.Report(Span(i, "tiny", 1, 1, 0))));
        _time.Advance(TimeSpan.FromMinutes(40));
        await Task.WhenAll(Enumerable.Range(Page / 3, Page - (Page / 3) + 3).Select(i => first.Report(Span(i, "tiny", 1, 1, 0))));
        Assert.Equal([new ModelUsage("tiny", Page + 3, Page + 3, Page + 3)], await second.Get());

        _time.Advance(TimeSpan.FromMinutes(30));
        await first.Report(Span(0, "tiny", 1, 1, 0)); // its page is written, and has room from now on
        await first.Report(Span(Some, "tiny", 7, 2, 0));
        await second.Report(Span(Some, "tiny", 5, 3, 0));
        foreach (var grid in grids)
        {
            await grid.StopAsync(_time);
        }
        for (var visit = 0; visit < 2; visit++)
        {
            var grid = await TestGrid.StartAsync(_time, _store.Settings());
            var usage = grid.Host.Grains.GetGrain<IUsageGrain>("acme");
            Assert.Equal([new ModelUsage("tiny", Page + 3 + 7, Page + 4, Page + 3 + 3)], await usage.Get());
            await usage.Report(Span(Some, "tiny", 5, 3, 0));
            await grid.StopAsync(_time);
        }
    }

    private static UsageSpan Span(int i, string model, double seconds, long events, long fromChunk) =>
        new($"mic-{i}", Begun, fromChunk, model, seconds, events, Final: true);
}
