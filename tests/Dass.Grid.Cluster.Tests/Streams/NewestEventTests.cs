using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Contracts;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Dass.Grid.Cluster.Tests.Streams;

/// <summary>Kept events from the newest back, as a page shows them.</summary>
public sealed class NewestEventTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Begin = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    private TestGrid _grid = null!;

    private static EventSelection Selection => new()
    {
        From = Timestamp.FromDateTimeOffset(Begin), To = Timestamp.FromDateTimeOffset(Begin + TimeSpan.FromDays(3)),
    };

    public async Task InitializeAsync() => _grid = await TestGrid.StartAsync();

    public async Task DisposeAsync() => await _grid.DisposeAsync();

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(1_000)]
    public async Task Pages_of_any_size_hold_each_event_once_from_the_newest_back(int size)
    {
        var random = new Random(7);
        LoggedEvent[] events =
        [
            .. Enumerable.Range(0, 60).Select(i => Sound($"s{random.Next(3)}", $"1-{i}", Begin.AddMinutes(random.Next(60)))),
            // Several at once, one of a stream id that was used twice.
            Sound("a", "1-0", Begin.AddMinutes(7)), Sound("b", "1-0", Begin.AddMinutes(7)), Sound("a", "1-1", Begin.AddMinutes(7)),
            Sound("a", "1-0", Begin.AddMinutes(7)) with { Begun = Begin.AddDays(-1) },
        ];
        await AppendAsync(events);
        var listed = await ListAsync(size);

        Assert.Equal(events.Length, listed.Count);
        Assert.Equal(events.Length, listed.Select(Key).Distinct().Count());
        Assert.All(listed.Zip(listed.Skip(1)), pair => Assert.True(pair.First.Onset >= pair.Second.Onset, "An older one comes first."));
        var oldest = (await _grid.Client.ListEventsAsync(new ListEventsRequest { Selection = Selection, PageSize = 1_000 })).Events;
        Assert.Equal(oldest.Select(Key).Order(), listed.Select(Key).Order());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_page_reads_no_more_of_a_log_than_it_shows(bool earlier)
    {
        const int Events = 900;
        var read = new List<int>();
        await using var grid = await TestGrid.StartAsync(
            configure: builder => builder.Services.AddSingleton<IOutgoingGrainCallFilter>(new Reads(earlier, read)));
        LoggedEvent[] events =
        [
            .. Enumerable.Range(0, Events).Select(i => Sound("yard", $"1-{i}", Begin.AddSeconds(i / 300))), // hundreds at once
        ];
        await grid.Host.Grains.GetGrain<IEventLogGrain>(new EventLogKey("default", EventLogKey.SpanOf(Begin)).ToString()).Append(events);
        foreach (var newestFirst in new[] { false, true })
        {
            var request = new ListEventsRequest { Selection = Selection, PageSize = 50, NewestFirst = newestFirst };
            var seen = new List<string>();
            do
            {
                var page = await grid.Client.ListEventsAsync(request);
                seen.AddRange(page.Events.Select(sound => sound.Event.Id));
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0);
            Assert.Equal(events.Select(sound => sound.Id).Order(), seen.Order());
        }
        using var export = grid.Client.ExportEvents(
            new ExportEventsRequest { Selection = Selection, Format = ExportFormat.JsonLines }, deadline: TestGrid.Deadline);
        var lines = 0;
        while (await export.ResponseStream.MoveNext(CancellationToken.None))
        {
            lines += export.ResponseStream.Current.Data.Span.Count((byte)'\n');
        }
        Assert.Equal(Events, lines);
        Assert.Equal(earlier ? Events : 51, read.Take(Events / 50).Max());
    }

    [Fact]
    public async Task Logs_of_days_are_read_in_pieces()
    {
        var events = Enumerable.Range(0, 700).Select(i => Sound("yard", $"1-{i}", Begin.AddMinutes(5 * i))).ToArray(); // one a log
        await AppendAsync(events);
        var narrow = Selection;
        narrow.Labels.Add("Cat"); // of which there is one, far from the newest
        await AppendAsync([Sound("yard", "2-0", Begin.AddMinutes(1)) with { Label = "Cat" }]);
        Assert.Equal("2-0", Assert.Single(await ListAsync(10, narrow)).Event.Id);
        Assert.Equal(701, (await ListAsync(1_000)).Count);
    }

    [Fact]
    public async Task Events_that_come_between_two_pages_shift_nothing()
    {
        await AppendAsync([.. Enumerable.Range(0, 10).Select(i => Sound("yard", $"1-{i}", Begin.AddSeconds(i)))]);
        var request = new ListEventsRequest { Selection = Selection, PageSize = 4, NewestFirst = true };
        var first = await _grid.Client.ListEventsAsync(request);
        Assert.Equal(["1-9", "1-8", "1-7", "1-6"], first.Events.Select(sound => sound.Event.Id));
        await AppendAsync([.. Enumerable.Range(20, 5).Select(i => Sound("yard", $"1-{i}", Begin.AddSeconds(i)))]);
        request.PageToken = first.NextPageToken;
        Assert.Equal(["1-5", "1-4", "1-3", "1-2"], (await _grid.Client.ListEventsAsync(request)).Events.Select(sound => sound.Event.Id));
    }

    [Theory]
    [InlineData("5-0")] // of the other order
    [InlineData("x")]
    [InlineData("1:a:b:c")]
    [InlineData("9223372036854775807:a:1-0:0")]
    public async Task Tokens_that_no_answer_gave_are_refused(string token) => await TestGrid.RefusesAsync(
        StatusCode.InvalidArgument, "page_token", async () => await _grid.Client.ListEventsAsync(
            new ListEventsRequest { Selection = Selection, PageToken = token, NewestFirst = true }));

    private static LoggedEvent Sound(string stream, string id, DateTimeOffset onset) =>
        new(stream, Begin, id, onset, 0, 1, "/m/0bt9lr", "Dog", 1, 1, "tiny");

    private static (string, DateTimeOffset, string) Key(KeptEvent sound) =>
        (sound.StreamId, sound.Begun.ToDateTimeOffset(), sound.Event.Id);

    private async Task AppendAsync(LoggedEvent[] events) => await Task.WhenAll(events
        .GroupBy(sound => EventLogKey.SpanOf(sound.Onset))
        .Select(log => _grid.Host.Grains.GetGrain<IEventLogGrain>(new EventLogKey("default", log.Key).ToString()).Append([.. log])));

    private async Task<List<KeptEvent>> ListAsync(int size, EventSelection? selection = null)
    {
        var (listed, request) = (
            new List<KeptEvent>(), new ListEventsRequest { Selection = selection ?? Selection, PageSize = size, NewestFirst = true });
        do
        {
            var page = await _grid.Client.ListEventsAsync(request);
            Assert.InRange(page.Events.Count, 0, size);
            listed.AddRange(page.Events);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return listed;
    }

    /// <summary>How many events each answer of a log has.</summary>
    /// <param name="earlier">As if it were of a version that answers with all.</param>
    /// <param name="read">Receives them.</param>
    private sealed class Reads(bool earlier, List<int> read) : IOutgoingGrainCallFilter
    {
        public async Task Invoke(IOutgoingGrainCallContext context)
        {
            if (context.Request.GetInterfaceType() != typeof(IEventLogGrain) || context.MethodName != nameof(IEventLogGrain.Read))
            {
                await context.Invoke();
                return;
            }
            if (earlier)
            {
                var query = (EventQuery)context.Request.GetArgument(0)!;
                context.Request.SetArgument(0, query with { Skip = 0, Most = 0, NewestFirst = false });
            }
            await context.Invoke();
            read.Add(((LoggedEvent[])context.Result!).Length);
        }
    }
}
