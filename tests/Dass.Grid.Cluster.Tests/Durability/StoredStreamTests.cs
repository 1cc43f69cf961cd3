using System.Diagnostics.Metrics;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Contracts;
using Dass.Grid.V1;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Orleans.TestingHost;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>One grid after the other, or beside the other, over one store.</summary>
public sealed class StoredStreamTests : IDisposable
{

    private readonly StoreFolder _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task A_grid_that_stops_in_order_goes_on_where_it_stopped()
    {
        List<Tags> before;
        await using (var grid = await TestGrid.StartAsync(_store.Settings()))
        {
            before = await FeedAsync(grid, 0, Yard.Half);
        }
        await using var next = await TestGrid.StartAsync(_store.Settings());

        using var feed = await Feed.BeginAsync(next.Client, Config(before));
        Assert.Equal(Yard.Half, feed.Ready.NextSample);
        await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
        var summary = await feed.FinishAsync();

        await BareSession.AssertEqualAsync([.. before, .. feed.Tags], summary);
    }

    [Fact]
    public async Task What_is_heard_of_the_audio_is_part_of_a_stored_stream()
    {
        var config = Babble.Config(Yard.Id);
        (config.Format.Channels, config.Format.Channel, config.Format.GainDb, config.Format.AutomaticGain) = (2, 2, 6.5f, true);
        await using (var grid = await TestGrid.StartAsync(_store.Settings()))
        {
            using var feed = await Feed.BeginAsync(grid.Client, config);
            await feed.SendBabbleAsync(0, Yard.Half);
            await feed.AppliedAsync(Yard.Half / 2);
        }
        await using var next = await TestGrid.StartAsync(_store.Settings());
        var stream = await next.Client.GetStreamAsync(new GetStreamRequest { StreamId = Yard.Id });
        Assert.Equal(config.Format, stream.Format);
        using var again = await Feed.BeginAsync(next.Client, config);
        Assert.Equal(Yard.Half / 2, again.Ready.NextSample);
        Assert.Empty(again.Gaps);

        config.Format.Channel = 1;
        var differs = await Assert.ThrowsAsync<RpcException>(() => Feed.BeginAsync(next.Client, config));
        Assert.Contains("format.channel is 1, the stream has 2", differs.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_checkpoint_of_layout_version_1_is_still_read()
    {
        _store.Put(Path.Combine(AppContext.BaseDirectory, "fixtures", "checkpoint-v1"));
        await using var grid = await TestGrid.StartAsync(_store.Settings());

        var config = Babble.Config(Yard.Id);
        config.FromChunk = 0;
        using var feed = await Feed.BeginAsync(grid.Client, config);
        Assert.Equal(Yard.Half, feed.Ready.NextSample);
        await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
        await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
        Assert.Empty(feed.Gaps);
    }

    [Fact]
    public async Task A_crash_costs_only_what_is_sent_again()
    {
        List<Tags> before;
        var grid = await TestGrid.StartAsync(_store.Settings());
        using (var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id)))
        {
            await feed.SendBabbleAsync(0, Yard.Quarter);
            await feed.AppliedAsync(Yard.Quarter);
            Assert.Equal(Yard.Quarter, await Yard.CheckpointAsync(grid));
            await feed.SendBabbleAsync(Yard.Quarter, Yard.Half);
            await feed.AppliedAsync(Yard.Half);
            before = feed.Tags;
        }
        await _store.CrashAsync(grid);
        await using var next = await TestGrid.StartAsync(_store.Settings());

        using var again = await Feed.BeginAsync(next.Client, Config(before));
        Assert.Equal((Yard.Quarter, Yard.Quarter), (again.Ready.NextSample, again.Ready.DurableSample));
        await again.SendBabbleAsync(Yard.Quarter, Babble.Samples);
        var summary = await again.FinishAsync();

        // What was heard before the crash comes again, with the same index and the same scores.
        await BareSession.AssertEqualAsync([.. before.Concat(again.Tags).DistinctBy(tags => tags.Chunk)], summary);
        await BareSession.AssertEqualAsync(
            [.. again.Tags.Concat(before).DistinctBy(tags => tags.Chunk).OrderBy(tags => tags.Chunk)], summary);
    }

    [Fact]
    public async Task A_stream_that_had_no_checkpoint_yet_begins_again()
    {
        var grid = await TestGrid.StartAsync(_store.Settings());
        await FeedAsync(grid, 0, Yard.Half);
        await _store.CrashAsync(grid);
        await using var next = await TestGrid.StartAsync(_store.Settings());

        using var again = await Feed.BeginAsync(next.Client, Babble.Config(Yard.Id));
        Assert.Equal(0, again.Ready.NextSample);
        await again.SendBabbleAsync(0, Babble.Samples);
        await BareSession.AssertEqualAsync(again.Tags, await again.FinishAsync());
    }

    [Fact]
    public async Task The_end_of_a_stream_outlives_its_grid()
    {
        Summary summary;
        await using (var grid = await TestGrid.StartAsync(_store.Settings()))
        {
            using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id));
            await feed.SendBabbleAsync(0, Yard.Half);
            summary = await feed.FinishAsync();
        }
        await using var next = await TestGrid.StartAsync(_store.Settings());

        var info = await next.Client.GetStreamAsync(
            new GetStreamRequest { StreamId = Yard.Id, Filter = new TagFilter { Top = 0, Dense = true } });

        Assert.Equal((StreamState.Ended, EndReason.Finished, Yard.Half), (info.Entry.State, info.EndReason, info.NextSample));
        Assert.Equal(summary, info.Summary);
    }

    [Theory]
    [InlineData(100, "checksum does not match")]
    [InlineData(0, "not a stream's checkpoint")]
    [InlineData(4, "layout version")]
    public async Task A_checkpoint_that_cannot_be_used_is_said_to_be_a_gap(int brokenByte, string reason)
    {
        List<Tags> before;
        await using (var grid = await TestGrid.StartAsync(_store.Settings()))
        {
            before = await FeedAsync(grid, 0, Yard.Half);
        }
        _store.Change(bytes => bytes[brokenByte]++);
        await using var next = await TestGrid.StartAsync(_store.Settings());

        await TestGrid.RefusesAsync(
            StatusCode.NotFound, reason, async () => await next.Client.GetStreamAsync(new GetStreamRequest { StreamId = Yard.Id }));
        var config = Config(before);
        config.OldestSample = Yard.Half;
        using var feed = await Feed.BeginAsync(next.Client, config);
        await feed.SendBabbleAsync((int)feed.Ready.NextSample, Babble.Samples);
        await feed.FinishAsync();

        var gap = Assert.Single(feed.Gaps);
        Assert.Contains(reason, gap.Reason, StringComparison.Ordinal);
        Assert.True(gap.ToSample >= Yard.Half && gap.ToSample == feed.Ready.NextSample);
        Assert.Equal(gap.NextChunk, feed.Tags[0].Chunk);
        Assert.Equal(gap.ToSample, Math.Round(feed.Tags[0].StartSeconds * Babble.SampleRateHz));
        Assert.True(gap.NextChunk > before[^1].Chunk);
    }

    [Fact]
    public async Task A_state_of_other_weights_is_said_to_be_a_gap()
    {
        List<Tags> before;
        await using (var grid = await TestGrid.StartAsync(_store.Settings()))
        {
            before = await FeedAsync(grid, 0, Yard.Half);
        }
        var other = Path.Combine(AppContext.BaseDirectory, "models", "built-in");
        await using var next = new TestGrid(await Dass.Grid.Host.EmbeddedGrid.StartAsync(
            _store.Settings(("Grid:Models:tiny:ModelDirectory", other), ("Grid:Models:tiny:Threads", "1")), configure: null));

        using var feed = await Feed.BeginAsync(next.Client, Config(before));
        await feed.FinishAsync();

        Assert.Contains("other weights", Assert.Single(feed.Gaps).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_owner_fences_the_first_out()
    {
        await using var one = await TestGrid.StartAsync(_store.Settings());
        await using var two = await TestGrid.StartAsync(_store.Settings());
        using var feed = await Feed.BeginAsync(one.Client, Babble.Config(Yard.Id));
        await feed.SendBabbleAsync(0, Yard.Half);
        await feed.AppliedAsync(Yard.Half);
        await Yard.CheckpointAsync(one);

        // The other grid knows nothing of the first and takes the stream from the store, as a silo does that believes the owner dead.
        using var taken = await Feed.BeginAsync(two.Client, Config(feed.Tags));
        Assert.Equal(Yard.Half, taken.Ready.NextSample);
        await taken.SendBabbleAsync(Yard.Half, Yard.Half + 16_000);
        await taken.AppliedAsync(Yard.Half + 16_000);
        Assert.Equal(Yard.Half + 16_000, await Yard.CheckpointAsync(two, attachment: 2));

        var refused = await Yard.Grain(one).Checkpoint(attachment: 1);
        Assert.Equal(RefusalCode.Moved, refused.Refusal?.Code);
        await taken.SendBabbleAsync(Yard.Half + 16_000, Babble.Samples);
        var summary = await taken.FinishAsync();
        await BareSession.AssertEqualAsync([.. feed.Tags, .. taken.Tags], summary);
    }

    [Fact]
    public async Task A_stream_that_ended_elsewhere_while_it_slept_here_stays_ended()
    {
        await using var one = await TestGrid.StartAsync(_store.Settings());
        using var feed = await Feed.BeginAsync(one.Client, Babble.Config(Yard.Id));
        await feed.SendBabbleAsync(0, Yard.Half);
        await feed.AppliedAsync(Yard.Half);
        await Yard.CheckpointAsync(one);
        await using var two = await TestGrid.StartAsync(_store.Settings());
        Assert.Equal(Yard.Half, (await two.Client.GetStreamAsync(new GetStreamRequest { StreamId = Yard.Id })).NextSample);

        await feed.FinishAsync();

        await TestGrid.RefusesAsync(StatusCode.FailedPrecondition, "has ended (Finished)", async () =>
        {
            using var late = await Feed.BeginAsync(two.Client, Babble.Config(Yard.Id));
        });
    }

    [Fact]
    public async Task A_store_that_is_away_disturbs_no_stream_and_checkpoints_resume()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings());
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id));
        _store.TakeAway();
        await feed.SendBabbleAsync(0, Yard.Half);
        await feed.AppliedAsync(Yard.Half);
        Assert.Equal(0, await Yard.CheckpointAsync(grid));
        await TestGrid.RefusesAsync(StatusCode.Unavailable, "store of streams cannot be read", async () =>
        {
            using var other = await Feed.BeginAsync(grid.Client, Babble.Config("other"));
        });

        _store.BringBack();
        Assert.Equal(Yard.Half, await Yard.CheckpointAsync(grid));
        await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
        await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
    }

    [Fact]
    public async Task A_gateway_that_can_keep_no_more_audio_waits_for_the_store()
    {
        const int Kept = 1 << 16;
        await using var grid = await TestGrid.StartAsync(_store.Settings(("Grid:Gateway:RetainedBytes", $"{Kept}")));
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id));
        _store.TakeAway();
        var meters = grid.Host.Services.GetRequiredService<IMeterFactory>(); // other grids of this process have their own
        using var waits = new MeterListener();
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        waits.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == "dass.gateway.retained.full" && instrument.Meter.Scope == meters)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        waits.SetMeasurementEventCallback<long>((_, count, _, _) =>
        {
            if (count > 0) // a counter begins at 0
            {
                waiting.TrySetResult();
            }
        });
        waits.Start();
        var sending = feed.SendBabbleAsync(0, Babble.Samples);
        var reading = feed.AppliedAsync(Babble.Samples);

        await waiting.Task.WaitAsync(TestGrid.Patience);
        Assert.InRange(feed.Applied, 0, Kept / Babble.BytesPerFrame); // what is not durable fits into what may be kept
        Assert.False(reading.IsCompleted);

        _store.BringBack();
        await Task.WhenAll(sending, reading);
        await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
    }

    [Fact]
    public async Task A_stream_that_sleeps_gives_its_slot_back_and_wakes_exactly()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var grid = await TestGrid.StartAsync(
            _store.Settings(("Grid:Models:tiny:MaxStreams", "1"), ("Grid:Streams:Upkeep", "00:01:00")),
            builder =>
            {
                builder.Services.AddSingleton<TimeProvider>(time);
                builder.Services.UseTimeProviderForBackgroundAreas(TimeProvider.System);
            });
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id));
        await feed.SendBabbleAsync(0, Yard.Half);
        await feed.AppliedAsync(Yard.Half);

        time.Advance(TimeSpan.FromMinutes(3));
        await TestGrid.UntilAsync(() => TryFinishOtherAsync(grid), () => Task.Delay(10)); // as soon as the only slot is free
        var asleep = await grid.Client.GetStreamAsync(new GetStreamRequest { StreamId = Yard.Id });
        Assert.Equal((StreamState.Live, Yard.Half), (asleep.Entry.State, asleep.NextSample));
        time.Advance(TimeSpan.FromHours(5));

        await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
        await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
    }

    [Fact]
    public async Task Of_two_clients_that_come_back_at_once_one_goes_on_and_the_other_is_told()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings());
        var before = await FeedAsync(grid, 0, Yard.Half);
        var feeds = await Task.WhenAll(Feed.BeginAsync(grid.Client, Config(before)), Feed.BeginAsync(grid.Client, Config(before)));

        var ends = await Task.WhenAll(feeds.Select(async feed =>
        {
            var sending = feed.SendBabbleAsync(Yard.Half, Babble.Samples);
            try
            {
                await feed.AppliedAsync(Babble.Samples); // the answers' side knows why a call ends
                await sending;
            }
            catch (RpcException end)
            {
                await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                return end.StatusCode;
            }
            var summary = await feed.FinishAsync();
            await BareSession.AssertEqualAsync([.. before, .. feed.Tags], summary);
            return StatusCode.OK;
        }));

        Assert.Equal([StatusCode.OK, StatusCode.Aborted], ends.Order());
        Array.ForEach(feeds, feed => feed.Dispose());
    }

    [Fact]
    public async Task A_forgotten_stream_leaves_nothing_in_the_store()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var grid = await TestGrid.StartAsync(
            _store.Settings(("Grid:Streams:Upkeep", "00:01:00")),
            builder =>
            {
                builder.Services.AddSingleton<TimeProvider>(time);
                builder.Services.UseTimeProviderForBackgroundAreas(TimeProvider.System);
            });
        using (var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id)))
        {
            await feed.FinishAsync();
        }
        Assert.Equal(1, _store.Records);
        await TestGrid.UntilAsync(() => _store.Records == 0, () =>
        {
            time.Advance(TimeSpan.FromMinutes(1));
            return Task.Delay(10); // the store is written in real time
        });
    }

    /// <returns>False: there is no free slot.</returns>
    private static async Task<bool> TryFinishOtherAsync(TestGrid grid)
    {
        try
        {
            using var feed = await Feed.BeginAsync(grid.Client, Babble.Config("other"));
            await feed.FinishAsync();
            return true;
        }
        catch (RpcException taken) when (taken.StatusCode == StatusCode.ResourceExhausted)
        {
            return false;
        }
    }

    private static StreamConfig Config(List<Tags> before)
    {
        var config = Babble.Config(Yard.Id);
        config.FromChunk = before.Count == 0 ? 0 : before[^1].Chunk + 1;
        return config;
    }

    private static async Task<List<Tags>> FeedAsync(TestGrid grid, int from, int to)
    {
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id));
        await feed.SendBabbleAsync(from, to);
        await feed.AppliedAsync(to);
        return feed.Tags;
    }
}
