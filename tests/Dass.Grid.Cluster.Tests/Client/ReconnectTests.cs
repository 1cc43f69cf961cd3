using System.Collections.Concurrent;
using System.IO.Pipelines;
using Dass.Grid.Client;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Client;

/// <summary>The client library over connections that break.</summary>
public class ReconnectTests
{
    private const int Chunks = 16; // of the whole recording

    [Fact]
    public async Task A_connection_that_ends_within_a_message_is_an_unavailable_grid()
    {
        foreach (var broken in (Exception[])[new IOException("The request was aborted."), new HttpRequestException("gone")])
        {
            var status = await Assert.ThrowsAsync<RpcException>(() => BrokenConnection.AsStatusAsync(Task.FromException<bool>(broken)));
            Assert.Equal(StatusCode.Unavailable, status.StatusCode);
            Assert.Equal(broken.Message, status.Status.Detail);
            Assert.True(new Reconnects(new ReconnectOptions()).Allows(status, first: false));
        }
    }

    [Fact]
    public async Task Several_streams_are_heard_without_loss_or_doubles()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        var breaks = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var grid = await TestGrid.StartAsync();
        await using var relay = new BreakingRelay(new Route(grid.Host.Address, Breaks: breaks.Task), new Route(grid.Host.Address));
        using var client = new GridClient(new Uri(relay.Address));
        using var first = await Feed.BeginAsync(grid.Client, Babble.Config("yard-1"));
        using var second = await Feed.BeginAsync(grid.Client, Babble.Config("yard-2"));
        foreach (var feed in new[] { first, second })
        {
            await feed.SendBabbleAsync(0, Yard.Half);
        }

        var interruptions = 0;
        async Task InterruptAsync()
        {
            breaks.TrySetResult();
            foreach (var feed in new[] { first, second })
            {
                await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
                await feed.FinishAsync();
            }
        }
        var (heard, ended, rest) = (new List<(string Stream, long Chunk)>(), 0, Task.CompletedTask);
        var subscription = new StreamSubscription(
            client, new SubscribeRequest { Prefix = "yard-", FromChunk = 0 },
            new ReconnectOptions { FirstPause = TimeSpan.FromMilliseconds(50), Interrupted = _ => interruptions++ });
        await foreach (var response in subscription.RunAsync(deadline.Token))
        {
            if (response.Tags is { } tags)
            {
                heard.Add((response.StreamId, tags.Chunk));
                rest = heard.Count == 4 ? InterruptAsync() : rest;
            }
            if (response.Ended is not null && ++ended == 2)
            {
                break;
            }
        }
        await rest;

        Assert.True(interruptions > 0, "The connection did not break.");
        foreach (var stream in new[] { "yard-1", "yard-2" })
        {
            Assert.Equal(
                Enumerable.Range(0, Chunks).Select(chunk => (long)chunk),
                heard.Where(each => each.Stream == stream).Select(each => each.Chunk));
        }
    }

    [Fact]
    public async Task A_stream_that_begins_again_while_its_subscriber_is_away_is_heard_from_its_beginning()
    {
        using var deadline = new CancellationTokenSource(TestGrid.Patience);
        var (time, breaks) = (new FakeTimeProvider(), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        await using var grid = await TestGrid.StartAsync();
        await using var relay = new BreakingRelay(new Route(grid.Host.Address, Breaks: breaks.Task), new Route(grid.Host.Address));
        using var client = new GridClient(new Uri(relay.Address));
        var (heard, isAway) = (new ConcurrentQueue<long>(), false);
        var subscription = new StreamSubscription(
            client, new SubscribeRequest { StreamIds = { "cam" }, Cursors = { ["cam"] = 0 } },
            new ReconnectOptions { Time = time, Interrupted = _ => isAway = true });
        async Task<Feed> FeedAsync(int times)
        {
            var config = Babble.Config("cam");
            config.BeginAgain = true;
            var feed = await Feed.BeginAsync(grid.Client, config);
            for (var i = 1; i <= times; i++)
            {
                await feed.SendBabbleAsync(0, Babble.Samples);
                await feed.AppliedAsync((long)i * Babble.Samples);
            }
            return feed;
        }
        using var first = await FeedAsync(times: 9);
        var hearing = Task.Run(async () =>
        {
            await foreach (var response in subscription.RunAsync(deadline.Token))
            {
                if (response.Tags is { } tags)
                {
                    heard.Enqueue(tags.Chunk);
                }
            }
        });
        await TestGrid.UntilAsync(() => heard.Count > 130);
        breaks.SetResult();
        await TestGrid.UntilAsync(() => isAway);
        await first.FinishAsync();
        heard.Clear();
        using var second = await FeedAsync(times: 2);
        await TestGrid.UntilAsync(() => heard.Count > 25, () =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return Task.Delay(20);
        });
        long[] all = [.. heard]; // more may come meanwhile
        Assert.Equal(Enumerable.Range(0, all.Length).Select(chunk => (long)chunk), all);
        await deadline.CancelAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => hearing);
    }

    [Fact]
    public async Task What_has_been_heard_to_its_end_is_not_told_again()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        var breaks = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var grid = await TestGrid.StartAsync();
        await using var relay = new BreakingRelay(new Route(grid.Host.Address, Breaks: breaks.Task), new Route(grid.Host.Address));
        using var client = new GridClient(new Uri(relay.Address));
        async Task PlayAsync(string name)
        {
            using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(name));
            await feed.SendBabbleAsync(0, Babble.Samples);
            await feed.FinishAsync();
        }
        await PlayAsync("yard-1");

        var (heard, ended, rest) = (new List<(string Stream, long Chunk)>(), new List<string>(), Task.CompletedTask);
        var request = new SubscribeRequest { Prefix = "yard-", FromChunk = 0 };
        var reconnect = new ReconnectOptions { FirstPause = TimeSpan.FromMilliseconds(50) };
        await foreach (var response in new StreamSubscription(client, request, reconnect).RunAsync(deadline.Token))
        {
            if (response.Tags is { } tags)
            {
                heard.Add((response.StreamId, tags.Chunk));
            }
            else if (response.Ended is not null)
            {
                ended.Add(response.StreamId);
                if (response.StreamId == "yard-3")
                {
                    break;
                }
                breaks.TrySetResult();
                rest = PlayAsync($"yard-{ended.Count + 1}"); // the third has begun after all that the second call could tell again
            }
        }
        await rest;
        Assert.Equal(["yard-1", "yard-2", "yard-3"], ended);
        Assert.Equal(3 * Chunks, heard.Count);
        Assert.Equal(3 * Chunks, heard.Distinct().Count());
    }

    [Fact]
    public async Task Audio_that_a_program_makes_goes_through_a_pipe_and_survives_a_broken_connection()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        var breaks = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var grid = await TestGrid.StartAsync();
        await using var relay = new BreakingRelay(new Route(grid.Host.Address, Breaks: breaks.Task), new Route(grid.Host.Address));
        using var client = new GridClient(new Uri(relay.Address));
        var pipe = new Pipe();
        await using var tape = new AudioTape(Babble.Config().Format, pipe.Reader.AsStream(), lifetime: deadline.Token);
        async Task MakeAsync(int from, int to)
        {
            for (; from < to; from += 1_600)
            {
                await pipe.Writer.WriteAsync(Babble.Slice(from, Math.Min(1_600, to - from)), deadline.Token);
            }
        }
        async Task MakeRestAsync()
        {
            breaks.TrySetResult();
            await MakeAsync(Yard.Half, Babble.Samples);
            await pipe.Writer.CompleteAsync();
        }
        var making = MakeAsync(0, Yard.Half);
        var (chunks, readies, rest, summary) = (new List<long>(), 0, Task.CompletedTask, (Summary?)null);
        var options = new StreamFeedOptions { Reconnect = new ReconnectOptions { FirstPause = TimeSpan.FromMilliseconds(50) } };
        await foreach (
            var response in new StreamFeed(client, tape, new StreamConfig { StreamId = "made" }, options).RunAsync(deadline.Token))
        {
            readies += response.Ready is null ? 0 : 1;
            summary = response.Summary ?? summary;
            if (response.Tags is { } tags)
            {
                chunks.Add(tags.Chunk);
                rest = chunks.Count == 3 ? MakeRestAsync() : rest;
            }
        }
        await Task.WhenAll(making, rest);

        Assert.Equal(Enumerable.Range(0, Chunks).Select(chunk => (long)chunk), chunks);
        Assert.Equal((Chunks, 2), (summary?.Chunks, readies));
    }

    [Fact]
    public async Task What_a_program_has_lost_is_silence_in_its_place_also_after_a_broken_connection()
    {
        const int From = 5 * Babble.SampleRateHz + 777; // within a piece
        const int To = From + Babble.SampleRateHz;
        using var deadline = new CancellationTokenSource(TestGrid.Patience);
        var breaks = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var grid = await TestGrid.StartAsync();
        await using var relay = new BreakingRelay(new Route(grid.Host.Address, Breaks: breaks.Task), new Route(grid.Host.Address));
        using var client = new GridClient(new Uri(relay.Address));
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        await using var tape = new AudioTape(Babble.Config().Format, pipe.Reader.AsStream(), lifetime: deadline.Token);
        await pipe.Writer.WriteAsync(Babble.Slice(0, From), deadline.Token);
        tape.Lose(From, To - From);
        await pipe.Writer.WriteAsync(Babble.Slice(To, Babble.Samples - To), deadline.Token);
        Assert.Throws<ArgumentOutOfRangeException>(() => tape.Lose(From - 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => tape.Lose(From, 0));

        var (tags, readies, summary) = (new List<Tags>(), 0, (Summary?)null);
        var options = new StreamFeedOptions { Reconnect = new ReconnectOptions { FirstPause = TimeSpan.FromMilliseconds(50) } };
        var config = new StreamConfig { StreamId = "lossy", Filter = new TagFilter { Top = 0, Dense = true } };
        await foreach (var response in new StreamFeed(client, tape, config, options).RunAsync(deadline.Token))
        {
            readies += response.Ready is null ? 0 : 1;
            summary = response.Summary ?? summary;
            if (response.Tags is { } chunk)
            {
                tags.Add(chunk);
                if (tags.Count == 7) // the loss has been heard
                {
                    breaks.TrySetResult();
                    await pipe.Writer.CompleteAsync();
                }
            }
        }

        var audio = Babble.Pcm.ToArray();
        audio.AsSpan(From * Babble.BytesPerFrame, (To - From) * Babble.BytesPerFrame).Clear();
        BareSession.AssertEqual(await BareSession.HearAsync(TestGrid.TinyModel, audio), tags, Assert.IsType<Summary>(summary));
        Assert.Equal(2, readies);
    }

    [Fact]
    public async Task A_source_that_fails_is_told_as_it_is_and_the_stream_stays_open()
    {
        await using var grid = await TestGrid.StartAsync();
        using var client = new GridClient(grid.Host.Address);
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync(Babble.Slice(0, 16_000));
        await pipe.Writer.CompleteAsync(new IOException("The microphone is gone."));
        await using var tape = new AudioTape(Babble.Config().Format, pipe.Reader.AsStream());

        var failure = await Assert.ThrowsAsync<IOException>(
            () => DrainAsync(new StreamFeed(client, tape, new StreamConfig { StreamId = "yard" })));

        Assert.Equal("The microphone is gone.", failure.Message);
        Assert.Equal(StreamState.Live, (await client.Tagging.GetStreamAsync(new GetStreamRequest { StreamId = "yard" })).Entry.State);
    }

    [Fact]
    public async Task What_breaks_a_rule_and_what_the_grid_refuses_is_told_at_once()
    {
        await using var grid = await TestGrid.StartAsync();
        using var client = new GridClient(grid.Host.Address);
        Assert.Contains(
            "format.channels is 0",
            Assert.Throws<ArgumentException>(
                () => new AudioTape(new AudioFormat { Encoding = Encoding.Pcm16, SampleRateHz = 16_000 }, Stream.Null)).Message);
        Assert.Contains(
            "format.encoding",
            Assert.Throws<ArgumentException>(
                () => new AudioTape(new AudioFormat { SampleRateHz = 16_000, Channels = 1 }, Stream.Null)).Message);

        await using var tape = new AudioTape(Babble.Config().Format, Stream.Null);
        await TestGrid.RefusesAsync(
            StatusCode.InvalidArgument, "'a/b'", () => DrainAsync(new StreamFeed(client, tape, new StreamConfig { StreamId = "a/b" })));
        await TestGrid.RefusesAsync(StatusCode.NotFound, "unknown-stream", async () =>
        {
            await foreach (var _ in new StreamSubscription(client, new SubscribeRequest { StreamId = "unknown-stream" }).RunAsync())
            {
            }
        });
    }

    private static async Task DrainAsync(StreamFeed feed)
    {
        await foreach (var _ in feed.RunAsync())
        {
        }
    }
}
