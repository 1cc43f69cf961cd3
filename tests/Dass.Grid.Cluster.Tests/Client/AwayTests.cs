using System.Collections.Concurrent;
using Dass.Grid.Client;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Client;

/// <summary>What a subscriber is told of the time in which it was away.</summary>
public class AwayTests
{
    private const int Chunks = 16; // of the whole recording

    [Fact]
    public async Task A_stream_that_begins_and_ends_while_its_subscriber_is_away_is_heard_whole()
    {
        using var deadline = new CancellationTokenSource(TestGrid.Patience);
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
        await PlayAsync("before");
        using var live = await Feed.BeginAsync(grid.Client, Babble.Config("live"));
        var (heard, ended) = (new ConcurrentQueue<(string Stream, long Chunk)>(), new ConcurrentQueue<string>());
        var (hears, isAway) = (false, false);
        var subscription = new StreamSubscription(
            client, new SubscribeRequest { AllStreams = true },
            new ReconnectOptions { FirstPause = TimeSpan.FromSeconds(2), Interrupted = _ => isAway = true });
        var hearing = Task.Run(async () =>
        {
            await foreach (var response in subscription.RunAsync(deadline.Token))
            {
                if (response.Tags is { } tags)
                {
                    heard.Enqueue((response.StreamId, tags.Chunk));
                }
                else if (response.Ended is not null)
                {
                    ended.Enqueue(response.StreamId);
                }
                hears |= response.Subscribed is not null;
            }
        });
        await TestGrid.UntilAsync(() => hears);
        await live.SendBabbleAsync(0, Yard.Half);
        await PlayAsync("early");
        await TestGrid.UntilAsync(() => ended.Contains("early"));

        breaks.SetResult();
        await TestGrid.UntilAsync(() => isAway);
        await PlayAsync("meanwhile");
        await live.SendBabbleAsync(Yard.Half, Babble.Samples);
        await live.FinishAsync();
        await TestGrid.UntilAsync(() => ended.Count >= 3);
        await deadline.CancelAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => hearing);

        Assert.Equal(["early", "live", "meanwhile"], ended.Order());
        var all = heard.ToArray();
        Assert.Equal(all.Distinct().Count(), all.Length);
        Assert.Equal(Chunks, all.Count(each => each.Stream == "meanwhile"));
        Assert.Equal(Chunks, all.Count(each => each.Stream == "early"));
        Assert.Equal(Chunks, all.Count(each => each.Stream == "live"));
    }

    [Fact]
    public async Task What_was_not_wanted_is_no_loss_to_a_subscriber_that_comes_back()
    {
        const int Times = 9;
        using var deadline = new CancellationTokenSource(TestGrid.Patience);
        var breaks = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var grid = await TestGrid.StartAsync(new() { ["Grid:Streams:HistoryChunks"] = "32" });
        await using var relay = new BreakingRelay(new Route(grid.Host.Address, Breaks: breaks.Task), new Route(grid.Host.Address));
        using var client = new GridClient(new Uri(relay.Address));
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config("quiet"));
        var nothing = new SubscribeRequest
        {
            StreamId = "quiet", FromChunk = 0, EventsOnly = true, Filter = new TagFilter { Top = 0, MinPeakScore = 1 },
        };
        var (answers, isBack) = (new ConcurrentQueue<SubscribeResponse>(), false);
        var reconnect = new ReconnectOptions { FirstPause = TimeSpan.FromMilliseconds(50) };
        var hearing = Task.Run(async () =>
        {
            await foreach (var answer in new StreamSubscription(client, nothing, reconnect).RunAsync(deadline.Token))
            {
                isBack = answers.Any(each => each.Subscribed is not null);
                answers.Enqueue(answer);
            }
        });
        await TestGrid.UntilAsync(() => !answers.IsEmpty);
        using var raw = grid.Client.Subscribe(nothing, deadline: TestGrid.Deadline);
        for (var i = 1; i <= Times; i++)
        {
            await feed.SendBabbleAsync(0, Babble.Samples);
            await feed.AppliedAsync((long)i * Babble.Samples);
        }
        long passed = 0;
        while (passed < 128 && await raw.ResponseStream.MoveNext(CancellationToken.None))
        {
            passed = raw.ResponseStream.Current.Passed?.NextChunk ?? passed;
        }
        await Task.Delay(TimeSpan.FromSeconds(1)); // until the other has it, too
        breaks.SetResult();
        await TestGrid.UntilAsync(() => isBack);
        await feed.FinishAsync();
        await hearing;
        Assert.DoesNotContain(answers, answer => answer.Passed is not null || answer.Tags is not null);
        Assert.InRange(answers.Sum(answer => answer.Dropped?.Chunks ?? 0), 0, Times * Chunks - 128);
    }

    [Fact]
    public void A_call_that_has_stood_is_no_failed_one()
    {
        var time = new FakeTimeProvider();
        var broken = new RpcException(new Status(StatusCode.Unavailable, "gone"));
        var reconnects = new Reconnects(new ReconnectOptions { GiveUpAfter = TimeSpan.FromMinutes(5), Time = time });
        foreach (var stands in new[] { TimeSpan.FromHours(2), TimeSpan.FromSeconds(11), TimeSpan.FromSeconds(11) })
        {
            reconnects.Answered();
            time.Advance(stands);
            Assert.Equal(stands, reconnects.Ended());
            Assert.True(reconnects.Allows(broken, first: false));
            _ = reconnects.PauseAsync(broken, CancellationToken.None);
        }
        for (var i = 0; i < 100; i++)
        {
            reconnects.Answered(); // a grid that answers and breaks at once
            time.Advance(TimeSpan.FromSeconds(3));
            reconnects.Ended();
        }
        Assert.False(reconnects.Allows(broken, first: false));
    }
}
