using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Contracts;
using Dass.Grid.Grains.Placement;
using Dass.Grid.Host;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Orleans.Runtime.Placement;
using Orleans.TestingHost;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>A gateway, and two silos with a slot each whose clock goes as the test says.</summary>
public sealed class FullSiloTests : IAsyncLifetime
{
    private readonly StoreFolder _store = new();
    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());
    private readonly List<EmbeddedGrid> _silos = [];
    private TestGrid _gateway = null!;

    public async Task InitializeAsync()
    {
        _gateway = await TestGrid.StartAsync(new() { ["Grid:Role"] = "gateway" });
        _silos.Add(await StartSiloAsync());
        _silos.Add(await StartSiloAsync());
        await Yard.KnowsAsync(_gateway, silos: 2);
    }

    public async Task DisposeAsync()
    {
        foreach (var silo in _silos)
        {
            var stopping = silo.DisposeAsync().AsTask();
            await TestGrid.UntilAsync(() => stopping.IsCompleted, () => PassAsync(TimeSpan.FromSeconds(1)));
            await stopping;
        }
        await _gateway.DisposeAsync();
        _store.Dispose();
    }

    [Fact]
    public async Task A_stream_that_slept_while_its_silo_filled_wakes_on_another()
    {
        using var feed = await Feed.BeginAsync(_gateway.Client, Babble.Config(Yard.Id));
        await feed.SendBabbleAsync(0, Yard.Half);
        await feed.AppliedAsync(Yard.Half);
        var (its, other) = Yard.StreamsOf(_silos[0]) == 1 ? (_silos[0], _silos[1]) : (_silos[1], _silos[0]);
        await TestGrid.UntilAsync(() => Yard.StreamsOf(its) == 0, () => PassAsync(TimeSpan.FromSeconds(15)));

        var address = its.Services.GetRequiredService<ILocalSiloDetails>().SiloAddress;
        RequestContext.Set(IPlacementDirector.PlacementHintKey, address);
        var spec = new StreamSpec { Format = new AudioShape(AudioEncoding.Pcm16, Babble.SampleRateHz, 1) };
        var filler = Yard.Grain(_gateway, "filler");
        Assert.True((await filler.Attach(spec, new Feeder(), CancellationToken.None)).Has(out _, out _));
        RequestContext.Clear();
        Assert.Equal(1, Yard.StreamsOf(its));
        var map = its.Services.GetRequiredService<LoadMap>();
        await TestGrid.UntilAsync(() => !map.HasRoom(address), () => PassAsync(TimeSpan.FromSeconds(1)));

        await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
        await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
        Assert.Empty(feed.Gaps);
        Assert.Equal(1, Yard.StreamsOf(its));
    }

    private Task<EmbeddedGrid> StartSiloAsync() => _gateway.StartSiloAsync(
        _store.Settings(("Grid:Models:tiny:MaxStreams", "1"), ("Grid:Streams:CheckpointInterval", "01:00:00")),
        builder =>
        {
            builder.Services.AddSingleton<TimeProvider>(_time);
            builder.Services.UseTimeProviderForBackgroundAreas(TimeProvider.System);
        });

    private Task PassAsync(TimeSpan time)
    {
        _time.Advance(time);
        return Task.Delay(20);
    }
}
