using System.Diagnostics;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Contracts;
using Dass.Grid.Host;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>
/// Writes of checkpoints that go wrong, and what happens to the stream at the same time. In the end the client has what an undisturbed
/// engine says.
/// </summary>
public sealed class StoreFaultTests : IDisposable
{

    private readonly StoreFolder _folder = new();
    private readonly FaultyStore _store = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_write_whose_answer_is_lost_is_known_again(bool isFirst)
    {
        await using var grid = await StartAsync();
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id));
        await ToAsync(feed, Yard.Quarter);
        if (!isFirst)
        {
            Assert.Equal(Yard.Quarter, await Yard.CheckpointAsync(grid));
        }
        _store.Next(StoreFault.Fails, StoreFault.LosesAnswer, StoreFault.Fails);
        await ToAsync(feed, Yard.Half, from: Yard.Quarter);
        for (var write = 0; write < 3; write++)
        {
            var durable = await Yard.Grain(grid).Checkpoint(1);
            Assert.Null(durable.Refusal); // it has not fenced itself out
            Assert.InRange(durable.Value!.Sample, isFirst ? 0 : Yard.Quarter, Yard.Half);
        }
        Assert.Equal(Yard.Half, await Yard.CheckpointAsync(grid));
        await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
        await Undisturbed.AssertAsync(await feed.FinishAsync(), feed);
    }

    [Fact]
    public async Task An_end_whose_answer_is_lost_is_an_end()
    {
        var grid = await StartAsync(("Grid:Streams:CheckpointRetry", "00:00:00.1"));
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id));
        await ToAsync(feed, Yard.Half);
        Assert.Equal(Yard.Half, await Yard.CheckpointAsync(grid));
        _store.Next(StoreFault.LosesAnswer);
        await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
        var summary = await feed.FinishAsync();
        await TestGrid.UntilAsync(() => _store.Writes("stream") >= 3, () => Task.Delay(10)); // the owed end has been written again
        var info = await grid.Client.GetStreamAsync(new GetStreamRequest { StreamId = Yard.Id });
        Assert.Equal((StreamState.Ended, 3), (info.Entry.State, _store.Writes("stream")));
        await _folder.CrashAsync(grid);
        await using var next = await StartAsync();
        Assert.Equal(EndReason.Finished, (await next.Client.GetStreamAsync(new GetStreamRequest { StreamId = Yard.Id })).EndReason);
        await Undisturbed.AssertAsync(summary, feed);
    }

    [Theory]
    [InlineData(StoreFault.Fails, Yard.Quarter)]
    [InlineData(StoreFault.LosesAnswer, Yard.Half)]
    public async Task A_crash_around_a_write_goes_on_from_what_the_store_has(object fault, int from)
    {
        var grid = await StartAsync();
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id));
        await ToAsync(feed, Yard.Quarter);
        Assert.Equal(Yard.Quarter, await Yard.CheckpointAsync(grid));
        await ToAsync(feed, Yard.Half, from: Yard.Quarter);
        _store.Next((StoreFault)fault);
        Assert.Equal(Yard.Quarter, await Yard.CheckpointAsync(grid)); // nothing is promised that is not known
        await _folder.CrashAsync(grid);
        await using var next = await StartAsync();
        using var again = await Feed.BeginAsync(next.Client, Config(feed));
        Assert.Equal((from, from), (again.Ready.NextSample, again.Ready.DurableSample));
        await again.SendBabbleAsync(from, Babble.Samples);
        await Undisturbed.AssertAsync(await again.FinishAsync(), feed, again);
    }

    [Fact]
    public async Task A_write_of_a_dead_silo_that_arrives_late_changes_nothing()
    {
        await using var dead = await StartAsync();
        using var feed = await Feed.BeginAsync(dead.Client, Babble.Config(Yard.Id));
        await ToAsync(feed, Yard.Quarter);
        Assert.Equal(Yard.Quarter, await Yard.CheckpointAsync(dead));
        await ToAsync(feed, Yard.Half, from: Yard.Quarter);
        var late = _store.HoldNext();
        var writing = Yard.Grain(dead).Checkpoint(1);
        await late.Reached;

        // The other grid knows nothing of the first: so a silo takes over whose cluster believes the owner dead.
        await using var next = await StartAsync();
        using var again = await Feed.BeginAsync(next.Client, Config(feed));
        Assert.Equal(Yard.Quarter, again.Ready.NextSample);
        await ToAsync(again, Yard.Half + Yard.Quarter, from: Yard.Quarter);
        Assert.Equal(Yard.Half + Yard.Quarter, await Yard.CheckpointAsync(next, attachment: 2));
        late.Release();
        Assert.Equal(RefusalCode.Moved, (await writing).Refusal?.Code);

        Assert.Equal(Yard.Half + Yard.Quarter, _store.Last!.NextSample);
        await again.SendBabbleAsync(Yard.Half + Yard.Quarter, Babble.Samples);
        await Undisturbed.AssertAsync(await again.FinishAsync(), feed, again);
    }

    [Fact]
    public async Task Of_two_owners_that_are_both_fed_one_stays()
    {
        await using var one = await StartAsync();
        using var feed = await Feed.BeginAsync(one.Client, Babble.Config(Yard.Id));
        await ToAsync(feed, Yard.Quarter);
        Assert.Equal(Yard.Quarter, await Yard.CheckpointAsync(one));
        await using var two = await StartAsync();
        using var taken = await Feed.BeginAsync(two.Client, Config(feed));
        await Task.WhenAll(ToAsync(feed, Yard.Half, from: Yard.Quarter), ToAsync(taken, Yard.Half, from: Yard.Quarter));
        Assert.Equal(Yard.Half, await Yard.CheckpointAsync(two, attachment: 2));

        // The silo that has been overtaken finds out with its next write, and its client with the next audio.
        Assert.Equal(RefusalCode.Moved, (await Yard.Grain(one).Checkpoint(1)).Refusal?.Code);
        await feed.SendAsync(Babble.Slice(Yard.Half, Yard.Quarter));
        var end = await Assert.ThrowsAsync<RpcException>(feed.ReadToEndAsync);
        Assert.Equal(StatusCode.Aborted, end.StatusCode);
        await taken.SendBabbleAsync(Yard.Half, Babble.Samples);
        await Undisturbed.AssertAsync(await taken.FinishAsync(), feed, taken);
    }

    [Fact]
    public async Task A_stream_that_is_told_of_another_owner_goes_on_from_the_store()
    {
        await using var grid = await StartAsync();
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id));
        await ToAsync(feed, Yard.Quarter);
        Assert.Equal(Yard.Quarter, await Yard.CheckpointAsync(grid));
        var sending = feed.SendBabbleAsync(Yard.Quarter, Babble.Samples);
        _store.Next(StoreFault.Conflicts);
        Assert.Equal(RefusalCode.Moved, (await Yard.Grain(grid).Checkpoint(1)).Refusal?.Code);
        await sending;
        await Undisturbed.AssertAsync(await feed.FinishAsync(), feed);
        Assert.Equal(feed.Tags.Count, feed.Tags.DistinctBy(chunk => chunk.Chunk).Count()); // the gateway writes each once
    }

    [Fact]
    public async Task A_stream_that_goes_back_further_than_its_gateway_remembers_asks_its_client()
    {
        await using var gateway = await TestGrid.StartAsync(new() { ["Grid:Role"] = "gateway" });
        var one = await StartSiloAsync(gateway);
        using var feed = await Feed.BeginAsync(gateway.Client, Babble.Config(Yard.Id));
        await ToAsync(feed, Yard.Quarter);
        Assert.Equal(Yard.Quarter, await Yard.CheckpointAsync(gateway));
        await ToAsync(feed, Yard.Half, from: Yard.Quarter);
        using var again = await Feed.BeginAsync(gateway.Client, Config(feed));
        await ToAsync(again, Yard.Half + Yard.Quarter / 2, from: Yard.Half); // this call knows of no audio before
        _store.IsAway = true;
        await one.DisposeAsync();
        _store.IsAway = false;
        await using var two = await StartSiloAsync(gateway);

        var detail = $"went back to sample {Yard.Quarter}, and this gateway keeps its audio from sample {Yard.Half} on";
        await TestGrid.RefusesAsync(StatusCode.Unavailable, detail, async () =>
        {
            await again.SendAsync(Babble.Slice(Yard.Half + Yard.Quarter / 2, 100));
            await again.ReadToEndAsync();
        });
        using var last = await Feed.BeginAsync(gateway.Client, Config(again));
        Assert.Equal(Yard.Quarter, last.Ready.NextSample);
        await last.SendBabbleAsync(Yard.Quarter, Babble.Samples);
        await Undisturbed.AssertAsync(await last.FinishAsync(), feed, again, last);
        Tags[] all = [.. feed.Tags, .. again.Tags, .. last.Tags];
        Assert.Equal(all.Length, all.DistinctBy(chunk => chunk.Chunk).Count());
    }

    [Fact]
    public async Task A_stream_moves_after_the_write_that_is_under_way()
    {
        await using var gateway = await TestGrid.StartAsync(new() { ["Grid:Role"] = "gateway" });
        await using var one = await StartSiloAsync(gateway);
        await using var two = await StartSiloAsync(gateway);
        await Yard.KnowsAsync(gateway, silos: 2);
        using var feed = await Feed.BeginAsync(gateway.Client, Babble.Config(Yard.Id));
        var stream = Yard.Grain(gateway);
        var to = Yard.StreamsOf(one) == 0 ? one : two;
        foreach (
            var (from, fault) in new[] { (0, default(StoreFault?)), (Yard.Quarter, StoreFault.LosesAnswer), (Yard.Half, StoreFault.Fails) })
        {
            var held = fault is null ? _store.HoldNext() : null;
            if (fault is { } planned)
            {
                _store.Next(planned);
            }
            var sending = feed.SendBabbleAsync(from, from + Yard.Quarter);
            var writing = Yard.AskAsync(() => stream.Checkpoint(1));
            await (held?.Reached ?? Task.CompletedTask);
            var moving = Yard.MoveAsync(stream, to);
            held?.Release();
            await Task.WhenAll(sending, writing, moving);
            // An activation that a fault has just ended by itself does not hear that it is to move.
            var asked = Stopwatch.StartNew();
            await TestGrid.UntilAsync(() => Yard.StreamsOf(to) == 1, async () =>
            {
                await Task.Delay(20);
                if (asked.Elapsed > TimeSpan.FromSeconds(5))
                {
                    asked.Restart();
                    await Yard.MoveAsync(stream, to);
                }
            });
            to = to == one ? two : one;
        }
        await feed.SendBabbleAsync(Yard.Half + Yard.Quarter, Babble.Samples);
        await Undisturbed.AssertAsync(await feed.FinishAsync(), feed);
    }

    [Fact]
    public async Task After_a_crash_one_of_two_clients_that_come_back_at_once_goes_on()
    {
        var grid = await StartAsync();
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id));
        await ToAsync(feed, Yard.Quarter);
        Assert.Equal(Yard.Quarter, await Yard.CheckpointAsync(grid));
        await ToAsync(feed, Yard.Half, from: Yard.Quarter);
        await _folder.CrashAsync(grid);
        await using var next = await StartAsync();
        var held = _store.HoldNext(); // the first write of the silo that wakes the stream
        var feeds = await Task.WhenAll(Feed.BeginAsync(next.Client, Config(feed)), Feed.BeginAsync(next.Client, Config(feed)));
        await held.Reached;
        held.Release();
        var ends = await Task.WhenAll(feeds.Select(async again =>
        {
            var sending = again.SendBabbleAsync(Yard.Quarter, Babble.Samples);
            try
            {
                await again.AppliedAsync(Babble.Samples);
                await sending;
            }
            catch (RpcException end)
            {
                await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                return end.StatusCode;
            }
            await Undisturbed.AssertAsync(await again.FinishAsync(), feed, again);
            return StatusCode.OK;
        }));
        Assert.Equal([StatusCode.OK, StatusCode.Aborted], ends.Order());
        Array.ForEach(feeds, again => again.Dispose());
    }

    private Task<TestGrid> StartAsync(params (string, string)[] settings) => TestGrid.StartAsync(_folder.Settings(settings), _store.Wrap);

    private Task<EmbeddedGrid> StartSiloAsync(TestGrid gateway) => gateway.StartSiloAsync(_folder.Settings(), _store.Wrap);

    private static async Task ToAsync(Feed feed, int to, int from = 0)
    {
        await feed.SendBabbleAsync(from, to);
        await feed.AppliedAsync(to);
    }

    private static StreamConfig Config(Feed before)
    {
        var config = Babble.Config(Yard.Id);
        config.FromChunk = before.Tags.Count == 0 ? 0 : before.Tags[^1].Chunk + 1;
        return config;
    }
}
