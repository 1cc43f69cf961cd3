using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Host;
using Dass.Grid.V1;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Orleans.TestingHost;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>Streams that end while the store is away.</summary>
public sealed class OwedEndTests : IDisposable
{

    private readonly StoreFolder _folder = new();
    private readonly FaultyStore _store = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_end_is_written_when_the_store_is_back_and_outlives_the_silo()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var grid = await TestGrid.StartAsync(_folder.Settings(("Grid:Streams:Upkeep", "00:01:00")), builder =>
        {
            builder.Services.AddSingleton<TimeProvider>(time);
            builder.Services.UseTimeProviderForBackgroundAreas(TimeProvider.System);
            _store.Wrap(builder);
        });
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id));
        await feed.SendBabbleAsync(0, Yard.Half);
        await feed.AppliedAsync(Yard.Half);
        Assert.Equal(Yard.Half, await Yard.CheckpointAsync(grid)); // would wake as a live stream
        _store.IsAway = true;
        await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
        var summary = await feed.FinishAsync();
        for (var minute = 0; minute < 10; minute++)
        {
            time.Advance(TimeSpan.FromMinutes(1)); // twice as long as an end is kept
            await Task.Yield();
        }
        var known = await grid.Client.GetStreamAsync(new GetStreamRequest { StreamId = Yard.Id });
        Assert.Equal((StreamState.Ended, EndReason.Finished), (known.Entry.State, known.EndReason));
        Assert.Null(_store.Last!.Ended);

        _store.IsAway = false;
        await TestGrid.UntilAsync(() => _store.Last.Ended is not null, () =>
        {
            time.Advance(TimeSpan.FromSeconds(5));
            return Task.Delay(1);
        });
        await _folder.CrashAsync(grid);
        await using var next = await TestGrid.StartAsync(_folder.Settings());

        await TestGrid.RefusesAsync(StatusCode.FailedPrecondition, "has ended (Finished)", async () =>
        {
            using var late = await Feed.BeginAsync(next.Client, Babble.Config(Yard.Id));
        });
        var info = await next.Client.GetStreamAsync(
            new GetStreamRequest { StreamId = Yard.Id, Filter = new TagFilter { Top = 0, Dense = true } });
        Assert.Equal(summary, info.Summary);
        await Undisturbed.AssertAsync(summary, feed);
    }

    [Fact]
    public async Task A_silo_that_stops_meanwhile_hands_the_end_on()
    {
        await using var gateway = await TestGrid.StartAsync(new() { ["Grid:Role"] = "gateway" });
        EmbeddedGrid[] silos = [await StartSiloAsync(gateway), await StartSiloAsync(gateway)];
        await Yard.KnowsAsync(gateway, silos: 2);
        var feeds = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Feed.BeginAsync(gateway.Client, Babble.Config($"stream-{i}"))));
        foreach (var (feed, i) in feeds.Select((feed, i) => (feed, i)))
        {
            await feed.SendBabbleAsync(0, Yard.Half);
            await feed.AppliedAsync(Yard.Half);
            Assert.Equal(Yard.Half, (await Yard.Grain(gateway, $"stream-{i}").Checkpoint(1)).Value!.Sample);
        }
        var (first, last) = Yard.StreamsOf(silos[0]) > 0 ? (silos[0], silos[1]) : (silos[1], silos[0]);
        Assert.True(Yard.StreamsOf(first) > 0);
        _store.IsAway = true;
        await Task.WhenAll(feeds.Select(feed => feed.FinishAsync()));
        await first.DisposeAsync();
        _store.IsAway = false;

        var before = _store.Writes("stream");
        await last.DisposeAsync(); // writes what it owes
        Assert.True(_store.Writes("stream") > before);
        await using var next = await TestGrid.StartAsync(_folder.Settings());
        for (var i = 0; i < feeds.Length; i++)
        {
            Assert.Equal(
                StreamState.Ended, (await next.Client.GetStreamAsync(new GetStreamRequest { StreamId = $"stream-{i}" })).Entry.State);
            feeds[i].Dispose();
        }
    }

    private Task<EmbeddedGrid> StartSiloAsync(TestGrid gateway) => gateway.StartSiloAsync(_folder.Settings(), _store.Wrap);
}
