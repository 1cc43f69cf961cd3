using System.Text;
using System.Text.Json;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Contracts;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using ModelUsage = Dass.Grid.V1.ModelUsage;

namespace Dass.Grid.Cluster.Tests.Streams;

/// <summary>What is left of streams: their events and their usage records.</summary>
public sealed class KeptEventTests : IDisposable
{
    private static readonly DateTimeOffset Captured = new(2026, 3, 1, 12, 4, 55, TimeSpan.Zero);

    private readonly StoreFolder _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task Closed_events_are_listed_with_their_times_in_pages_and_outlive_the_grid()
    {
        List<Event> closed;
        await using (var grid = await TestGrid.StartAsync(_store.Settings()))
        {
            closed = await StreamAsync(grid, "yard");
            Assert.Equal(closed.Count, (await ListAsync(grid, closed.Count)).Count);
        }
        await using var next = await TestGrid.StartAsync(_store.Settings());
        var kept = await ListAsync(next, closed.Count);

        Assert.Equal(closed.Select(sound => sound.Id).Order(), kept.Select(sound => sound.Event.Id).Order());
        Assert.Equal(kept.OrderBy(sound => sound.Onset.ToDateTimeOffset()).Select(sound => sound.Onset), kept.Select(sound => sound.Onset));
        foreach (var sound in kept)
        {
            var expected = closed.Single(each => each.Id == sound.Event.Id);
            Assert.Equal(expected, sound.Event);
            Assert.Equal(expected.OnsetSeconds, (sound.Onset.ToDateTimeOffset() - Captured).TotalSeconds, 1e-5);
            Assert.Equal(expected.OffsetSeconds, (sound.Offset.ToDateTimeOffset() - Captured).TotalSeconds, 1e-5);
        }
        // 12:05 lies 5 s after the first sample: the events lie in two logs.
        Assert.Contains(kept, sound => sound.Event.OnsetSeconds < 5);
        Assert.Contains(kept, sound => sound.Event.OnsetSeconds > 5);
    }

    [Fact]
    public async Task A_crash_repeats_no_event_and_loses_none()
    {
        var heard = new List<Event>();
        var grid = await TestGrid.StartAsync(_store.Settings());
        using (var feed = await Feed.BeginAsync(grid.Client, Config("yard")))
        {
            await feed.SendBabbleAsync(0, Yard.Half);
            await feed.AppliedAsync(Yard.Half);
            await Yard.CheckpointAsync(grid); // events may be owed to the log still: the checkpoint has them, too
            await feed.SendBabbleAsync(Yard.Half, Yard.Half + 48_000);
            await feed.AppliedAsync(Yard.Half + 48_000);
            heard.AddRange(feed.Events);
        }
        await _store.CrashAsync(grid);
        await using var next = await TestGrid.StartAsync(_store.Settings());
        using var again = await Feed.BeginAsync(next.Client, new StreamConfig { StreamId = "yard" });
        await again.SendBabbleAsync(Yard.Half, Babble.Samples);
        await again.FinishAsync();
        heard.AddRange(again.Events);

        // What came twice came with the same id.
        var closed = heard.Where(sound => sound.Kind == EventKind.Closed).Select(sound => sound.Id).Distinct().ToArray();
        Assert.True(closed.Length < heard.Count(sound => sound.Kind == EventKind.Closed), "Nothing came twice.");
        var kept = await ListAsync(next, closed.Length);
        Assert.Equal(closed.Order(), kept.Select(sound => sound.Event.Id).Order());
    }

    [Fact]
    public async Task A_log_that_cannot_be_written_holds_up_no_other_and_no_use()
    {
        var store = new FaultyStore();
        var broken = new EventLogKey("default", EventLogKey.SpanOf(Captured)).ToString(); // up to 5 s after the first sample
        store.Refuses = (state, grain) => state == "events" && grain.Key.ToString() == broken;
        await using var grid = await TestGrid.StartAsync(_store.Settings(), store.Wrap);
        var closed = await StreamAsync(grid, "yard");
        var (early, late) = (closed.Count(sound => sound.OnsetSeconds < 5), closed.Count(sound => sound.OnsetSeconds >= 5));
        Assert.True(early > 0 && late > 0);
        Assert.All(await ListAsync(grid, late), sound => Assert.True(sound.Event.OnsetSeconds >= 5));
        await UsageAsync(grid, usage => usage.Events == closed.Count);
    }

    [Fact]
    public async Task A_selection_holds()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings());
        var closed = await StreamAsync(grid, "yard-1");
        await StreamAsync(grid, "street");
        await ListAsync(grid, 2 * closed.Count);
        var label = closed[0].Label;

        async Task<KeptEvent[]> SelectAsync(Action<EventSelection> narrow)
        {
            var selection = Selection;
            narrow(selection);
            return [.. (await grid.Client.ListEventsAsync(new ListEventsRequest { Selection = selection, PageSize = 1_000 })).Events];
        }
        Assert.Equal(closed.Count, (await SelectAsync(selection => selection.StreamIds.Add("street"))).Length);
        Assert.All(await SelectAsync(selection => selection.Prefix = "yard-"), sound => Assert.Equal("yard-1", sound.StreamId));
        var ofLabel = await SelectAsync(selection => selection.Labels.Add(label.ToUpperInvariant()));
        Assert.Equal(2 * closed.Count(sound => sound.Label == label), ofLabel.Length);
        var highest = closed.Max(sound => sound.PeakScore);
        Assert.Equal(2, (await SelectAsync(selection => selection.MinPeakScore = highest)).Length);
        Assert.Empty(await SelectAsync(selection => selection.To = Timestamp.FromDateTimeOffset(Captured - TimeSpan.FromSeconds(1))));
    }

    [Fact]
    public async Task Logs_that_are_older_than_the_retention_are_cleared_when_another_begins_or_the_index_is_read()
    {
        var time = new FakeTimeProvider(Captured);
        var grid = await TestGrid.StartAsync(time, _store.Settings(("Grid:Streams:EventRetention", "00:08:00")));
        var (first, second) = (EventLogKey.SpanOf(Captured), EventLogKey.SpanOf(Captured.AddMonths(3)));
        IEventLogGrain Log(long span) => grid.Host.Grains.GetGrain<IEventLogGrain>(new EventLogKey("default", span).ToString());
        LoggedEvent[] At(long span) => [new("yard", Captured, "0-0", EventLogKey.BeginOf(span), 0, 1, "/m/0bt9lr", "Dog", 1, 1, "tiny")];
        var query = new EventQuery(null, null, null, DateTimeOffset.MinValue, DateTimeOffset.MaxValue, 0);
        await Log(first).Append(At(first));
        Assert.Single(await Log(first).Read(query));
        time.Advance(TimeSpan.FromMinutes(9));
        await Log(second).Append(At(second));

        var index = grid.Host.Grains.GetGrain<IEventIndexGrain>("default");
        await TestGrid.UntilAsync(async () => await index.Find(0, long.MaxValue, 10) is [var only] && only == second);
        Assert.Empty(await Log(first).Read(query));
        Assert.Single(await Log(second).Read(query));

        // A tenant without new events keeps none of its old ones.
        time.Advance(TimeSpan.FromMinutes(9));
        await TestGrid.UntilAsync(async () => (await index.FindNewest(0, long.MaxValue, 10)).Length == 0);
        await TestGrid.UntilAsync(async () => (await Log(second).Read(query)).Length == 0);
        await grid.StopAsync(time);
    }

    [Fact]
    public async Task Events_are_exported_in_every_format()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings());
        var closed = await StreamAsync(grid, "yard");
        await ListAsync(grid, closed.Count);
        async Task<string[]> ExportAsync(ExportFormat format)
        {
            var selection = Selection;
            selection.StreamIds.Add("yard");
            var text = new StringBuilder();
            using var call = grid.Client.ExportEvents(
                new ExportEventsRequest { Selection = selection, Format = format }, deadline: TestGrid.Deadline);
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
            {
                text.Append(call.ResponseStream.Current.Data.ToStringUtf8());
            }
            return text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        }
        var first = closed.OrderBy(sound => sound.OnsetSeconds).ThenBy(sound => sound.Id, StringComparer.Ordinal).First();

        var json = await ExportAsync(ExportFormat.JsonLines);
        Assert.Equal(closed.Count, json.Length);
        Assert.Equal(
            (first.Label, first.OffsetSeconds), (Field(json[0], "label").GetString(), Field(json[0], "offset_seconds").GetDouble()));
        var csv = await ExportAsync(ExportFormat.Csv);
        Assert.Equal((closed.Count + 1, 11), (csv.Length, csv[0].Split(',').Length));
        var audacity = await ExportAsync(ExportFormat.Audacity);
        Assert.Equal(FormattableString.Invariant($"{first.OnsetSeconds:F6}\t{first.OffsetSeconds:F6}\t{first.Label}"), audacity[0]);
        Assert.All(await ExportAsync(ExportFormat.Rttm), line => Assert.Equal(10, line.Split(' ').Length));
        var vtt = await ExportAsync(ExportFormat.Webvtt);
        Assert.Equal("WEBVTT", vtt[0]);
        Assert.All(
            vtt.Skip(1).Where((_, i) => i % 2 == 0), line => Assert.Matches(@"^\d\d:\d\d:\d\d\.\d{3} --> \d\d:\d\d:\d\d\.\d{3}$", line));
    }

    [Fact]
    public async Task Requests_that_break_a_rule_are_refused()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings());
        var backwards = new EventSelection { From = Timestamp.FromDateTimeOffset(Captured), To = Timestamp.FromDateTimeOffset(Captured) };
        foreach (var (request, fragment) in new[]
        {
            (new ListEventsRequest { Selection = backwards }, "from before to"),
            (
                new ListEventsRequest { Selection = new EventSelection { From = new Timestamp { Nanos = -1 } } },
                "selection.from is 0 s and -1 ns"),
            (new ListEventsRequest { Selection = new EventSelection { Prefix = "a/b" } }, "'a/b'"),
            (new ListEventsRequest { Selection = new EventSelection { MinPeakScore = 2 } }, "is 2; 0 to 1"),
            (new ListEventsRequest { PageToken = "x" }, "page_token 'x'"),
            (new ListEventsRequest { PageSize = 1_001 }, "page_size is 1001"),
        })
        {
            await TestGrid.RefusesAsync(StatusCode.InvalidArgument, fragment, async () => await grid.Client.ListEventsAsync(request));
        }
        using var export = grid.Client.ExportEvents(new ExportEventsRequest { Format = ExportFormat.Rttm });
        await TestGrid.RefusesAsync(
            StatusCode.InvalidArgument, "stream_ids has 0 entries", () => export.ResponseStream.MoveNext(CancellationToken.None));
    }

    [Fact]
    public async Task Use_counts_what_was_heard_once_also_across_a_crash()
    {
        var grid = await TestGrid.StartAsync(_store.Settings(("Grid:Streams:Upkeep", "00:00:00.2")));
        using (var feed = await Feed.BeginAsync(grid.Client, Config("yard")))
        {
            await feed.SendBabbleAsync(0, Yard.Half);
            await feed.AppliedAsync(Yard.Half);
            await Yard.CheckpointAsync(grid);
            await feed.SendBabbleAsync(Yard.Half, Yard.Half + 48_000);
            await feed.AppliedAsync(Yard.Half + 48_000);
            await UsageAsync(grid, usage => Math.Abs(usage.AudioSeconds - 10.5) < 1e-6); // more than the checkpoint knows of
        }
        await _store.CrashAsync(grid);
        await using var next = await TestGrid.StartAsync(_store.Settings());
        using var again = await Feed.BeginAsync(next.Client, new StreamConfig { StreamId = "yard", Filter = new TagFilter { Top = 0 } });
        Assert.Equal(Yard.Half, again.Ready.NextSample);
        await again.SendBabbleAsync(Yard.Half, Babble.Samples);
        await again.FinishAsync();
        var closed = await StreamAsync(next, "street");

        var seconds = (double)Babble.Samples / Babble.SampleRateHz;
        await UsageAsync(
            next, usage => Math.Abs(usage.AudioSeconds - 2 * seconds) < 1e-6 && (usage.Streams, usage.Events) == (2, 2 * closed.Count));
    }

    private static EventSelection Selection => new()
    {
        From = Timestamp.FromDateTimeOffset(
            Captured - TimeSpan.FromHours(1)), To = Timestamp.FromDateTimeOffset(Captured + TimeSpan.FromHours(1)),
    };

    private static StreamConfig Config(string id)
    {
        var config = Babble.Config(id);
        config.CaptureTime = Timestamp.FromDateTimeOffset(Captured);
        return config;
    }

    private static async Task<List<Event>> StreamAsync(TestGrid grid, string id)
    {
        using var feed = await Feed.BeginAsync(grid.Client, Config(id));
        await feed.SendBabbleAsync(0, Babble.Samples);
        await feed.FinishAsync();
        return [.. feed.Events.Where(sound => sound.Kind == EventKind.Closed)];
    }

    /// <summary>All pages of seven, once there are as many events as expected.</summary>
    private static async Task<List<KeptEvent>> ListAsync(TestGrid grid, int expected)
    {
        for (var deadline = TestGrid.Deadline; ;)
        {
            var (kept, request) = (new List<KeptEvent>(), new ListEventsRequest { Selection = Selection, PageSize = 7 });
            do
            {
                var page = await grid.Client.ListEventsAsync(request);
                Assert.InRange(page.Events.Count, 0, 7);
                kept.AddRange(page.Events);
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0);
            if (kept.Count >= expected)
            {
                Assert.Equal(expected, kept.Count);
                return kept;
            }
            Assert.True(
                DateTime.UtcNow < deadline, $"{kept.Count} of {expected} events are listed after {TestGrid.Patience.TotalSeconds} s.");
            await Task.Delay(100);
        }
    }

    private static async Task UsageAsync(TestGrid grid, Func<ModelUsage, bool> holds)
    {
        ModelUsage? usage = null;
        await TestGrid.UntilAsync(async () =>
        {
            usage = (await grid.Client.GetUsageAsync(new GetUsageRequest())).Models.SingleOrDefault();
            return usage is not null && holds(usage);
        });
        Assert.Equal("tiny", usage!.Model);
    }

    private static JsonElement Field(string line, string name) => JsonDocument.Parse(line).RootElement.GetProperty(name);
}
