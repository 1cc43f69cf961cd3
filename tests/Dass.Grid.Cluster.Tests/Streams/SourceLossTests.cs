using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Grains.Checkpoints;
using Dass.Grid.Grains.Streams;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Streams;

/// <summary>A stream that gets no audio for too long is an event: source.lost.</summary>
public sealed class SourceLossTests : IDisposable
{
    private const string Lost = "source.lost";
    private const int Rate = Babble.SampleRateHz;
    private static readonly TimeSpan After = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Doubt = TimeSpan.FromSeconds(65); // 45 s by four thirds, and 5

    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());
    private readonly StoreFolder _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task It_opens_while_nothing_comes_outlives_the_sleep_of_its_stream_and_closes_with_the_next_audio()
    {
        var grid = await StartAsync();
        using (var feed = await Feed.BeginAsync(grid.Client, Config()))
        {
            await feed.SendBabbleAsync(0, 4 * Rate);
            await feed.AppliedAsync(4 * Rate);
            var silent = _time.GetUtcNow();
            using var watch = Watch(grid);
            var opened = await NextEventAsync(watch);
            Assert.Equal((EventKind.Opened, Lost, 4.0), (opened.Kind, opened.LabelId, opened.OnsetSeconds));
            Assert.InRange(opened.OffsetSeconds - opened.OnsetSeconds, After.TotalSeconds, (_time.GetUtcNow() - silent).TotalSeconds);

            await TestGrid.UntilAsync(async () => (await StatusAsync(grid)).Health is null, AdvanceAsync); // it sleeps
            Assert.True(_store.Holds("\"Sleeps\":true"));
            using (var late = Watch(grid)) // is told, too
            {
                Assert.Equal(opened.Id, (await NextEventAsync(late)).Id);
            }
            var back = _time.GetUtcNow();
            await feed.SendBabbleAsync(4 * Rate, 8 * Rate);
            await feed.AppliedAsync(8 * Rate);
            var closed = Assert.Single(feed.Events, sound => sound.LabelId == Lost);
            Assert.Equal((EventKind.Closed, opened.Id, 4.0), (closed.Kind, closed.Id, closed.OnsetSeconds));
            Assert.Equal((back - silent).TotalSeconds, closed.OffsetSeconds - closed.OnsetSeconds, 0.01);
            Assert.Equal(opened.Id, (await NextEventAsync(watch)).Id);
            var kept = await KeptAsync(grid);
            Assert.InRange((kept.Onset.ToDateTimeOffset() - silent).TotalSeconds, 3.9, 4.1); // the stream's 4 s came in no time
            await feed.FinishAsync();
            Assert.Single(feed.Events, sound => sound.LabelId == Lost);
        }
        await grid.StopAsync(_time);
    }

    [Fact]
    public void What_has_closed_and_has_gone_out_with_no_chunk_is_in_the_checkpoint()
    {
        var (before, after) = (new SourceLoss(_time, Doubt), new SourceLoss(_time, Doubt));
        before.Begin(After, 4 * Rate, Rate);
        _time.Advance(2 * After);
        Assert.True(before.Hear(5 * Rate, Rate));
        var bytes = new CheckpointNotes(new UsageStart(0, 0, 0), [], []) { Loss = before.Note }.ToBytes();
        after.Restore(CheckpointNotes.FromBytes(bytes)!.Loss, Rate, moved: false);
        var closed = after.Take();
        Assert.Equal(before.Take(), closed);
        Assert.Equal((60, 4), (Assert.Single(closed).OffsetSeconds - closed[0].OnsetSeconds, closed[0].OnsetSeconds));
        Assert.Empty(after.Take());
    }

    [Fact]
    public void Those_that_close_before_the_next_chunk_all_go_out_with_it_or_with_the_end()
    {
        var (before, after) = (new SourceLoss(_time, Doubt), new SourceLoss(_time, Doubt));
        before.Begin(After, 0, Rate);
        for (var i = 1; i <= 3; i++) // a camera that comes back for less than a chunk each time
        {
            _time.Advance(After);
            Assert.True(before.Hear(i * Rate / 10, Rate));
        }
        string[] ids = ["1000002-0", "1000002-1600", "1000002-3200"];
        var bytes = new CheckpointNotes(new UsageStart(0, 0, 0), [], []) { Loss = before.Note }.ToBytes();
        after.Restore(CheckpointNotes.FromBytes(bytes)!.Loss, Rate, moved: true);
        Assert.Equal(ids, before.Take().Select(sound => sound.Id));
        _time.Advance(After);
        Assert.Equal([.. ids, "1000002-4800"], after.Complete().Select(sound => sound.Id));
        Assert.Empty(after.Take());
    }

    [Fact]
    public async Task It_outlives_its_silo()
    {
        var grid = await StartAsync();
        DateTimeOffset silent;
        Event opened;
        using (var feed = await Feed.BeginAsync(grid.Client, Config()))
        {
            await feed.SendBabbleAsync(0, 4 * Rate);
            await feed.AppliedAsync(4 * Rate);
            silent = _time.GetUtcNow();
            using var watch = Watch(grid);
            opened = await NextEventAsync(watch);
        }
        await TestGrid.UntilAsync(() => _store.Holds("\"Opened\":true"));
        await CrashAsync(grid);
        _time.Advance(TimeSpan.FromMinutes(30));

        grid = await StartAsync();
        using (var again = await Feed.BeginAsync(grid.Client, Config()))
        {
            var back = _time.GetUtcNow();
            await again.SendBabbleAsync(4 * Rate, 8 * Rate);
            await again.AppliedAsync(8 * Rate);
            var closed = Assert.Single(again.Events, sound => sound.LabelId == Lost);
            Assert.Equal((EventKind.Closed, opened.Id), (closed.Kind, closed.Id));
            Assert.Equal((back - silent).TotalSeconds, closed.OffsetSeconds - closed.OnsetSeconds, 0.01);
        }
        await KeptAsync(grid);
        await grid.StopAsync(_time);
    }

    [Fact]
    public async Task The_death_of_a_silo_is_none_when_the_client_sends_its_audio_again()
    {
        var grid = await StartAsync();
        using (var feed = await Feed.BeginAsync(grid.Client, Config()))
        {
            await feed.SendBabbleAsync(0, 4 * Rate);
            await feed.AppliedAsync(4 * Rate);
            await Yard.CheckpointAsync(grid);
        }
        await CrashAsync(grid);
        _time.Advance(After + TimeSpan.FromSeconds(10)); // as if it had been fed on for so long

        grid = await StartAsync();
        using (var again = await Feed.BeginAsync(grid.Client, Config()))
        {
            await again.SendBabbleAsync(4 * Rate, 8 * Rate);
            await again.FinishAsync();
            Assert.DoesNotContain(again.Events, sound => sound.LabelId == Lost);
        }
        await grid.StopAsync(_time);
    }

    [Fact]
    public async Task A_client_that_never_sends_anything_is_lost_until_its_stream_is_closed()
    {
        var grid = await StartAsync();
        using (await Feed.BeginAsync(grid.Client, Config()))
        {
            using var watch = Watch(grid);
            var opened = await NextEventAsync(watch);
            Assert.Equal(0, opened.OnsetSeconds);
            await grid.Client.CloseStreamAsync(new CloseStreamRequest { StreamId = Yard.Id });
            var closed = await NextEventAsync(watch);
            Assert.Equal((EventKind.Closed, opened.Id), (closed.Kind, closed.Id));
        }
        await KeptAsync(grid);
        await grid.StopAsync(_time);
    }

    [Fact]
    public void A_clock_that_is_set_opens_and_ends_nothing()
    {
        var clock = new SetClock();
        var loss = new SourceLoss(clock, Doubt);
        loss.Begin(After, 0, Rate);
        clock.Set += TimeSpan.FromHours(3);
        Assert.False(loss.TryOpen());
        clock.Set -= TimeSpan.FromHours(9);
        clock.Time.Advance(After);
        Assert.True(loss.TryOpen());
        Assert.Equal(After.TotalSeconds, loss.Open!.OffsetSeconds);
        Assert.True(loss.Hear(Rate, Rate));
        Assert.Equal("1000002-0", Assert.Single(loss.Take()).Id);
        Assert.Empty(loss.Take());
    }

    [Fact]
    public void A_stream_that_moves_loses_no_second_of_its_silence_and_one_from_the_store_is_doubted()
    {
        var loss = new SourceLoss(_time, Doubt);
        loss.Begin(After, 0, Rate);
        loss.Hear(2 * Rate, Rate);
        _time.Advance(After - TimeSpan.FromSeconds(1));
        var note = loss.Note;
        var (moved, crashed) = (new SourceLoss(_time, Doubt), new SourceLoss(_time, Doubt));
        moved.Restore(note, Rate, moved: true);
        crashed.Restore(note, Rate, moved: false);
        var slept = new SourceLoss(_time, Doubt);
        slept.Restore(note! with { Sleeps = true }, Rate, moved: false);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(moved.TryOpen());
        Assert.True(slept.TryOpen()); // its silo's death has taken nothing from it
        Assert.False(crashed.TryOpen());
        _time.Advance(Doubt);
        Assert.True(crashed.TryOpen());
        Assert.Equal(
            (moved.Open!.Id, 2.0, 2 + (After + Doubt).TotalSeconds),
            (crashed.Open!.Id, crashed.Open.OnsetSeconds, crashed.Open.OffsetSeconds));

        var third = new SourceLoss(_time, Doubt);
        third.Restore(crashed.Note, Rate, moved: false);
        Assert.False(third.TryOpen()); // it is open
        Assert.Equal(crashed.Open.Id, Assert.Single(third.Complete()).Id);
    }

    private static StreamConfig Config()
    {
        var config = Babble.Config(Yard.Id);
        config.Source = new SourceRule { LostAfter = After.ToDuration() };
        return config;
    }

    private Task<TestGrid> StartAsync() => TestGrid.StartAsync(_time, _store.Settings(("Grid:ShutdownTimeout", "00:00:02")));

    private async Task CrashAsync(TestGrid grid)
    {
        _store.TakeAway();
        await grid.StopAsync(_time);
        _store.BringBack();
    }

    private static AsyncServerStreamingCall<SubscribeResponse> Watch(TestGrid grid) => grid.Client.Subscribe(
        new SubscribeRequest { StreamId = Yard.Id, EventsOnly = true, Filter = new TagFilter { Labels = { Lost } } },
        deadline: TestGrid.Deadline);

    private static async Task<StreamEntry> StatusAsync(TestGrid grid) =>
        (await grid.Client.GetStreamAsync(new GetStreamRequest { StreamId = Yard.Id })).Entry;

    private Task AdvanceAsync()
    {
        _time.Advance(TimeSpan.FromSeconds(5));
        return Task.Delay(5);
    }

    /// <summary>The next event that a subscriber is told of, while time passes.</summary>
    private async Task<Event> NextEventAsync(AsyncServerStreamingCall<SubscribeResponse> watch)
    {
        while (true)
        {
            var reading = watch.ResponseStream.MoveNext(CancellationToken.None);
            await TestGrid.UntilAsync(() => reading.IsCompleted, AdvanceAsync);
            Assert.True(await reading);
            var answer = watch.ResponseStream.Current;
            IEnumerable<Event> events = answer.Events?.Events ?? answer.Tags?.Events ?? answer.Ended?.Events ?? [];
            if (events.FirstOrDefault() is { } sound)
            {
                return sound;
            }
        }
    }

    /// <summary>The only event that the grid keeps.</summary>
    private static async Task<KeptEvent> KeptAsync(TestGrid grid)
    {
        var request = new ListEventsRequest { Selection = new EventSelection { StreamIds = { Yard.Id }, Labels = { Lost } } };
        await TestGrid.UntilAsync(async () => (await grid.Client.ListEventsAsync(request)).Events.Count > 0);
        return Assert.Single((await grid.Client.ListEventsAsync(request)).Events);
    }

    /// <summary>A clock that is set while time passes.</summary>
    private sealed class SetClock : TimeProvider
    {
        public FakeTimeProvider Time { get; } = new(System.GetUtcNow());

        public TimeSpan Set { get; set; }

        public override DateTimeOffset GetUtcNow() => Time.GetUtcNow() + Set;

        public override long GetTimestamp() => Time.GetTimestamp();

        public override long TimestampFrequency => Time.TimestampFrequency;
    }
}
