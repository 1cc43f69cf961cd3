using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Grains.Placement;
using Dass.Grid.V1;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Orleans.TestingHost;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>Silos of which not all serve the streams' model.</summary>
public sealed class ServedModelTests : IDisposable
{
    private const int Streams = 12;

    private readonly StoreFolder _store = new();
    private readonly SiblingModel _sibling = new();

    public void Dispose()
    {
        _store.Dispose();
        _sibling.Dispose();
    }

    [Fact]
    public async Task Streams_of_a_silo_that_stops_go_where_their_model_is_served()
    {
        await using var grid = await TestGrid.StartAsync(Settings());
        await using var without = await grid.StartSiloAsync(_store.Settings());
        var with = await grid.StartSiloAsync(Settings());
        await Yard.KnowsAsync(grid, silos: 3);
        await TestGrid.UntilAsync(() => with.Services.GetRequiredService<LoadMap>().Known.Count == 3);
        var feeds = await Task.WhenAll(Enumerable.Range(0, Streams).Select(i => Feed.BeginAsync(grid.Client, Config($"stream-{i}"))));
        await Task.WhenAll(feeds.Select(feed => feed.SendBabbleAsync(0, Yard.Half)));
        await Task.WhenAll(feeds.Select(feed => feed.AppliedAsync(Yard.Half)));
        Assert.True(Yard.StreamsOf(with) > 0);
        await with.DisposeAsync();
        Assert.Equal((0, Streams), (Yard.StreamsOf(without), Yard.StreamsOf(grid.Host)));
        await Task.WhenAll(feeds.Select(feed => feed.SendBabbleAsync(Yard.Half, Babble.Samples)));
        foreach (var feed in feeds)
        {
            await feed.FinishAsync();
            Assert.Empty(feed.Gaps);
            feed.Dispose();
        }
    }

    [Fact]
    public async Task A_stream_that_comes_to_a_silo_without_its_model_goes_on_elsewhere_with_its_memory()
    {
        await using var grid = await TestGrid.StartAsync(Settings());
        using var feed = await Feed.BeginAsync(grid.Client, Config(Yard.Id));
        await using var without = await grid.StartSiloAsync(_store.Settings());
        await TestGrid.UntilAsync(() => without.Services.GetRequiredService<LoadMap>().Known.Count == 2);
        await feed.SendBabbleAsync(0, Yard.Half);
        await feed.AppliedAsync(Yard.Half);
        Assert.Equal(Yard.Half, await Yard.CheckpointAsync(grid));
        await Yard.MoveAsync(Yard.Grain(grid), without);
        await TestGrid.UntilAsync(() => Yard.StreamsOf(grid.Host) == 0);
        await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
        var summary = await feed.FinishAsync();
        Assert.Empty(feed.Gaps);
        Assert.Equal((double)Babble.Samples / Babble.SampleRateHz, summary.DurationSeconds);
    }

    [Fact]
    public async Task A_silo_gives_a_much_emptier_one_none_that_it_cannot_have()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var grid = await TestGrid.StartAsync(new() { ["Grid:Role"] = "gateway" });
        var with = await grid.StartSiloAsync(Settings(), builder =>
        {
            builder.Services.AddSingleton<TimeProvider>(time);
            builder.Services.UseTimeProviderForBackgroundAreas(TimeProvider.System);
        });
        await Yard.KnowsAsync(grid, silos: 1);
        var grains = Enumerable.Range(0, Streams).Select(i => Yard.Grain(grid, $"stream-{i}")).ToArray();
        var spec = new Contracts.StreamSpec
        {
            Format = new Contracts.AudioShape(Contracts.AudioEncoding.Pcm16, Babble.SampleRateHz, 1), Model = "sibling",
        };
        await Task.WhenAll(grains.Select(grain => grain.Attach(spec, new Contracts.Feeder(), CancellationToken.None)));
        Assert.Equal(Streams, Yard.StreamsOf(with));
        await using var without = await grid.StartSiloAsync(_store.Settings());
        var log = with.Services.GetRequiredService<LoadMap>();
        await TestGrid.UntilAsync(() => log.Known.Count == 2);
        for (var second = 0; second < 11; second++) // it looks each five seconds
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(20);
        }
        Assert.Equal(Streams, Yard.StreamsOf(with));
        var stopping = with.DisposeAsync().AsTask();
        await TestGrid.UntilAsync(() => stopping.IsCompleted, () =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return Task.Delay(20);
        });
    }

    private Dictionary<string, string?> Settings() => _store.Settings(
        ("Grid:Models:sibling:ModelDirectory", _sibling.Folder), ("Grid:Models:sibling:Threads", "1"), ("Grid:DefaultModel", "tiny"));

    private static StreamConfig Config(string stream)
    {
        var config = Babble.Config(stream);
        config.Model = "sibling";
        return config;
    }
}
