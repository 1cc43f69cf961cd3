using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Grains.Placement;
using Dass.Grid.Host;
using Dass.Grid.V1;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Silo = Dass.Grid.V1.Silo;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>An administrator empties a silo that goes on running: a gateway and two silos in this process.</summary>
public sealed class DrainTests : IAsyncLifetime
{
    private readonly StoreFolder _store = new();
    private readonly List<EmbeddedGrid> _silos = [];
    private TestGrid _gateway = null!;

    public async Task InitializeAsync()
    {
        _gateway = await TestGrid.StartAsync(new() { ["Grid:Role"] = "gateway" });
        _silos.Add(await _gateway.StartSiloAsync(_store.Settings()));
        _silos.Add(await _gateway.StartSiloAsync(_store.Settings()));
        await TestGrid.UntilAsync(async () => (await ListAsync()).Count(silo => silo.Slots > 0) == 2);
    }

    public async Task DisposeAsync()
    {
        foreach (var silo in _silos)
        {
            await silo.DisposeAsync();
        }
        await _gateway.DisposeAsync();
        _store.Dispose();
    }

    [Fact]
    public async Task A_drained_silo_hands_its_streams_over_and_takes_none_until_it_is_called_off()
    {
        var feeds = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Feed.BeginAsync(_gateway.Client, Babble.Config($"stream-{i}"))));
        await Task.WhenAll(feeds.Select(feed => feed.SendBabbleAsync(0, Yard.Half)));
        await Task.WhenAll(feeds.Select(feed => feed.AppliedAsync(Yard.Half)));
        await TestGrid.UntilAsync(async () => (await ListAsync()).Sum(silo => silo.Streams) == 6);
        var full = (await ListAsync()).MaxBy(silo => silo.Streams)!;

        var sending = feeds.Select(feed => feed.SendBabbleAsync(Yard.Half, Babble.Samples)).ToArray();
        var drained = await _gateway.Admin.DrainSiloAsync(new DrainSiloRequest { Silo = full.Name });
        Assert.Equal((full.Name, SiloState.Draining), (drained.Name, drained.State));
        await TestGrid.UntilAsync(async () => await FindAsync(full.Name) is { Streams: 0, State: SiloState.Draining });
        await Task.WhenAll(sending);
        foreach (var feed in feeds)
        {
            await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
            Assert.Empty(feed.Gaps);
            feed.Dispose();
        }

        for (var i = 0; i < 6; i++)
        {
            using var feed = await Feed.BeginAsync(_gateway.Client, Babble.Config($"later-{i}"));
            Assert.Equal(0, Streams(full.Name));
            await feed.FinishAsync();
        }
        var active = await _gateway.Admin.DrainSiloAsync(new DrainSiloRequest { Silo = full.Name, CallOff = true });
        Assert.Equal(SiloState.Active, active.State);
        await TestGrid.UntilAsync(async () => await FindAsync(full.Name) is { State: SiloState.Active });
        var more = await Task.WhenAll(Enumerable.Range(0, 24).Select(i => Feed.BeginAsync(_gateway.Client, Babble.Config($"last-{i}"))));
        await TestGrid.UntilAsync(() => Streams(full.Name) > 0);
        Array.ForEach(more, feed => feed.Dispose());
    }

    [Fact]
    public async Task What_cannot_be_drained_is_refused_with_the_reason()
    {
        var silos = await ListAsync();
        Assert.Equal(3, silos.Count);
        var gateway = silos.Single(silo => silo.Slots == 0);
        var (first, second) = (silos.First(silo => silo.Slots > 0), silos.Last(silo => silo.Slots > 0));
        Assert.All([first, second], silo => Assert.Equal(["tiny"], silo.Models));
        Assert.All([first, second], silo => Assert.NotEmpty(silo.Devices));
        await TestGrid.RefusesAsync(StatusCode.NotFound, "'no-silo' is unknown", () => DrainAsync("no-silo"));
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "silo has 0 characters", () => DrainAsync(""));
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "runs no models", () => DrainAsync(gateway.Name));
        await DrainAsync(first.Name);
        await TestGrid.UntilAsync(async () => await FindAsync(first.Name) is { State: SiloState.Draining });
        await TestGrid.RefusesAsync(StatusCode.FailedPrecondition, "only one that takes streams", () => DrainAsync(second.Name));
    }

    private async Task DrainAsync(string silo) => await _gateway.Admin.DrainSiloAsync(new DrainSiloRequest { Silo = silo });

    private async Task<Silo?> FindAsync(string name) => (await ListAsync()).FirstOrDefault(silo => silo.Name == name);

    private async Task<IReadOnlyList<Silo>> ListAsync() => (await _gateway.Admin.ListSilosAsync(new ListSilosRequest())).Silos;

    private int Streams(string name) => _silos
        .Single(silo => silo.Services.GetRequiredService<ILocalSiloDetails>().SiloAddress.ToParsableString() == name)
        .Services.GetRequiredService<LocalStreams>().Count;
}
