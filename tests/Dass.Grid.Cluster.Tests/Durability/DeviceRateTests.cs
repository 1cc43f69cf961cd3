using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Grains.Placement;
using Microsoft.Extensions.DependencyInjection;

namespace Dass.Grid.Cluster.Tests.Durability;

public sealed class DeviceRateTests
{
    [Fact]
    public async Task A_slow_silo_takes_few_streams_beside_a_fast_one()
    {
        using var store = new StoreFolder();
        var device = new FakeDevice { PerStream = TimeSpan.FromMilliseconds(300) }; // three streams in real time
        await using var gateway = await TestGrid.StartAsync(new() { ["Grid:Role"] = "gateway" });
        await using var slow = await gateway.StartSiloAsync(store.Settings(("Grid:Models:tiny:Batcher:MaxBatch", "1")), device.AddTo);
        await using var fast = await gateway.StartSiloAsync(store.Settings());
        var map = gateway.Host.Services.GetRequiredService<LoadMap>();
        await TestGrid.UntilAsync(() => map.Known.Count == 2);
        Assert.All(map.Known, silo => Assert.True(silo.Load.Rate > 0));
        Assert.Single(map.Known, silo => silo.Load is { Rate: < 3.3, Devices: [FakeDevice.Name], DeviceMemory: 1L << 33 });
        Assert.Single(map.Known, silo => silo.Load is { Rate: > 10, Devices: ["processor"], DeviceMemory: > 0 });

        var feeds = await Task.WhenAll(Enumerable.Range(0, 30).Select(i => Feed.BeginAsync(gateway.Client, Babble.Config($"stream-{i}"))));

        var (few, many) = (Streams(slow), Streams(fast));
        Assert.Equal(30, few + many);
        Assert.True(few <= 8, $"{few} of 30 streams are on a silo that carries 3.");
        Array.ForEach(feeds, feed => feed.Dispose());
    }

    private static int Streams(Host.EmbeddedGrid silo) => silo.Services.GetRequiredService<LocalStreams>().Count;
}
