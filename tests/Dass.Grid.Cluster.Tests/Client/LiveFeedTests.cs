using System.Threading.Channels;
using Dass.Grid.Client;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Client;

/// <summary>A live source that comes and goes, and a real grid.</summary>
[Collection(SharedGridCollection.Name)]
public class LiveFeedTests(SharedGrid shared)
{
    private const int Second = 16_000 * sizeof(short);
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly AudioFormat Format = new() { Encoding = Encoding.Pcm16, SampleRateHz = 16_000, Channels = 1 };

    private readonly FakeTimeProvider _time = new(Start);

    [Fact]
    public async Task A_source_that_was_mute_comes_back_at_the_time_of_day()
    {
        var tags = await FeedAsync("mute", feed =>
        {
            Play(feed, seconds: 6);
            Pass(feed, seconds: 90);
            Play(feed, seconds: 6);
        });
        var times = tags.Select(each => (Begin: each.Start, End: each.End)).ToArray();
        Assert.Contains(times, time => Near(time.Begin, Start));
        Assert.DoesNotContain(times, time => time.Begin > Start.AddSeconds(7) && time.End < Start.AddSeconds(95));
        Assert.Contains(times, time => Near(time.End, Start.AddSeconds(102), 2));
    }

    [Fact]
    public async Task Another_feed_of_the_same_id_goes_on_at_the_time_of_day_and_begins_again_when_the_stream_has_ended()
    {
        await FeedAsync("back", feed => Play(feed, seconds: 6));
        _time.Advance(TimeSpan.FromHours(1));
        var later = await FeedAsync("back", feed => Play(feed, seconds: 6));
        Assert.All(later, each => Assert.InRange(each.End, Start.AddSeconds(8).AddHours(1), Start.AddSeconds(16).AddHours(1)));
        Assert.True(later[0].Chunk > 3_000, $"It is another stream: its first chunk is {later[0].Chunk}.");

        await shared.Client.CloseStreamAsync(new CloseStreamRequest { StreamId = "back" });
        _time.Advance(TimeSpan.FromHours(1));
        var again = await FeedAsync("back", feed => Play(feed, seconds: 6));
        Assert.Equal(0, again[0].Chunk);
        Assert.All(again, each => Assert.InRange(each.End, Start.AddSeconds(16).AddHours(2), Start.AddSeconds(24).AddHours(2)));
    }

    [Fact]
    public async Task What_a_lost_grid_had_is_there_for_the_next_one_although_another_refuses_it_between()
    {
        var (breaks, refused) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var lost = await TestGrid.StartAsync();
        await using var refusing = await TestGrid.StartAsync(new()
        {
            ["Tenants:anne:KeyHashes:0"] = KeyHash.Create("anne-0123456789abcdef").ToString(),
        });
        await using var next = await TestGrid.StartAsync();
        await using var relay = new BreakingRelay(
            new Route(lost.Host.Address, Breaks: breaks.Task), new Route(refusing.Host.Address, Breaks: refused.Task),
            new Route(next.Host.Address));
        using var grid = new GridClient(new Uri(relay.Address));
        var config = new StreamConfig { StreamId = "kept", Model = "tiny" };
        using var feed = new LiveFeed(grid, Format, config, new LiveFeedOptions
        {
            Time = _time,
            Refused = no =>
            {
                Assert.Equal(StatusCode.Unauthenticated, no.StatusCode);
                refused.TrySetResult();
            },
        });
        var (applied, gaps, tags, begun) = (0L, 0, new List<Tags>(), 0);
        using var deadline = new CancellationTokenSource(TestGrid.Patience);
        var running = Task.Run(async () =>
        {
            await foreach (var answer in feed.RunAsync(deadline.Token))
            {
                begun += answer.Ready is null ? 0 : 1;
                applied = Math.Max(applied, answer.Ack?.AppliedSample ?? 0);
                gaps += answer.Gap is null ? 0 : 1;
                tags.AddRange(answer.Tags is { } each ? [each] : []);
            }
        });
        var played = 0;
        Task PlayAsync()
        {
            // Memory holds a minute: a machine that takes long for a connection must not lose any of it.
            if (played < applied / 16_000 + 30)
            {
                Play(feed, seconds: 1);
                played++;
            }
            return Task.Delay(20);
        }
        await TestGrid.UntilAsync(() => applied > 20 * 16_000, PlayAsync);
        breaks.SetResult();
        await TestGrid.UntilAsync(() => begun == 2, PlayAsync);
        Assert.True(refused.Task.IsCompleted);
        await TestGrid.UntilAsync(() => applied > 60 * 16_000, PlayAsync);
        feed.Complete();
        await running;
        Assert.Equal(0, gaps);
        Assert.All(tags, each => Assert.Equal(0, each.LostSeconds));
        Assert.Equal(Enumerable.Range(0, tags.Count).Select(chunk => (long)chunk), tags.Select(each => each.Chunk));
        // The grid that had nothing of it has all of it.
        var kept = await next.Client.GetStreamAsync(new GetStreamRequest { StreamId = "kept" });
        Assert.Equal(applied, kept.NextSample);
        using var call = next.Client.Subscribe(new SubscribeRequest { StreamId = "kept", FromChunk = 0 }, deadline: TestGrid.Deadline);
        while (await call.ResponseStream.MoveNext(CancellationToken.None) && call.ResponseStream.Current.Tags is not { Chunk: 0 })
        {
            Assert.Null(call.ResponseStream.Current.Dropped);
        }
    }

    [Fact]
    public async Task A_clock_that_is_set_back_begins_a_new_stream_at_its_time()
    {
        var tags = await FeedAsync("clock", feed =>
        {
            Play(feed, seconds: 6);
            _time.AdjustTime(Start.AddDays(-1));
            Play(feed, seconds: 6);
        });
        Assert.Equal(2, tags.Count(each => each.Chunk == 0));
        Assert.Contains(tags, each => Near(each.End, Start.AddDays(-1).AddSeconds(6), 2));
    }

    [Fact]
    public async Task Two_feeders_of_one_id_take_it_from_each_other_ever_more_seldom()
    {
        var (time, refusals, pauses) = (new RecordingTime(), 0, new List<TimeSpan>());
        using var grid = new GridClient(shared.Grid.Host.Address);
        var config = new StreamConfig { StreamId = "contested", Model = "tiny" };
        using var feed = new LiveFeed(grid, Format, config, new LiveFeedOptions
        {
            Time = time,
            Refused = no =>
            {
                Assert.Equal(StatusCode.Aborted, no.StatusCode);
                refusals++;
                time.Expect();
            },
        });
        using var stop = new CancellationTokenSource(TestGrid.Patience);
        var taken = Channel.CreateUnbounded<bool>(); // a call has taken audio
        async Task AnswerAsync()
        {
            var isNew = false;
            await foreach (var answer in feed.RunAsync(stop.Token))
            {
                isNew |= answer.Ready is not null;
                if (isNew && answer.Ack is not null)
                {
                    isNew = !taken.Writer.TryWrite(true);
                }
            }
        }
        var answering = AnswerAsync();
        for (var round = 0; round < 5; round++)
        {
            Play(feed, seconds: 6, time);
            await taken.Reader.ReadAsync(stop.Token);
            using var rival = await Feed.BeginAsync(shared.Client, Babble.Config("contested"));
            pauses.Add(await time.Expected.ReadAsync(stop.Token));
            time.Advance(TimeSpan.FromMinutes(1));
        }
        await stop.CancelAsync();
        await Task.WhenAny(answering);
        Assert.Equal(5, refusals);
        Assert.True(pauses[4] > 4 * pauses[0], string.Join(", ", pauses)); // they double, each varied by a quarter
    }

    /// <summary>Feeds what a source gives, waits until the grid has it, and leaves the stream open.</summary>
    private async Task<List<Heard>> FeedAsync(string id, Action<LiveFeed> source)
    {
        using var grid = new GridClient(shared.Grid.Host.Address);
        var config = new StreamConfig { StreamId = id, Model = "tiny" };
        using var feed = new LiveFeed(grid, Format, config, new LiveFeedOptions { Time = _time });
        var heard = new List<Heard>();
        using var deadline = new CancellationTokenSource(TestGrid.Patience);
        source(feed);
        Pass(feed, seconds: 2);
        feed.Complete();
        await foreach (var answer in feed.RunAsync(deadline.Token))
        {
            if (answer.Tags is { } tags)
            {
                heard.Add(new Heard(
                    tags.Chunk, feed.CaptureTime.AddSeconds(tags.StartSeconds), feed.CaptureTime.AddSeconds(tags.EndSeconds)));
            }
        }
        return heard;
    }

    private void Play(LiveFeed feed, int seconds, FakeTimeProvider? time = null)
    {
        for (var i = 0; i < 10 * seconds; i++)
        {
            (time ?? _time).Advance(TimeSpan.FromSeconds(0.1));
            feed.Write(new byte[Second / 10]);
        }
    }

    private void Pass(LiveFeed feed, int seconds)
    {
        for (var i = 0; i < 2 * seconds; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(0.5));
            feed.Tick();
        }
    }

    private static bool Near(DateTimeOffset one, DateTimeOffset other, double seconds = 1) =>
        Math.Abs((one - other).TotalSeconds) <= seconds;

    /// <summary>Tells of the pause that begins next.</summary>
    private sealed class RecordingTime() : FakeTimeProvider(LiveFeedTests.Start)
    {
        private readonly Channel<TimeSpan> _expected = Channel.CreateUnbounded<TimeSpan>();
        private volatile bool _expects;

        public ChannelReader<TimeSpan> Expected => _expected.Reader;

        public void Expect() => _expects = true;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            if (_expects)
            {
                _expects = false;
                _expected.Writer.TryWrite(dueTime);
            }
            return timer;
        }
    }

    private sealed record Heard(long Chunk, DateTimeOffset Start, DateTimeOffset End);
}
