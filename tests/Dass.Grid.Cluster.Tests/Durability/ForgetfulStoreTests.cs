using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>
/// A store that was emptied, or restored from an older copy, under a living grid: what the silos hold is newer, and is written again.
/// </summary>
public sealed class ForgetfulStoreTests : IDisposable
{
    private readonly StoreFolder _store = new();

    public void Dispose() => _store.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_live_stream_keeps_its_memory_and_is_written_again(bool restored)
    {
        var grid = await TestGrid.StartAsync(_store.Settings());
        using (var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id)))
        {
            await feed.SendBabbleAsync(0, Yard.Quarter);
            await feed.AppliedAsync(Yard.Quarter);
            Assert.Equal(Yard.Quarter, await Yard.CheckpointAsync(grid));
            var copy = _store.Copy();
            await feed.SendBabbleAsync(Yard.Quarter, Yard.Half);
            await feed.AppliedAsync(Yard.Half);
            Assert.Equal(Yard.Half, await Yard.CheckpointAsync(grid));

            _store.Restore(restored ? copy : []);
            Assert.Equal(Yard.Half, await Yard.CheckpointAsync(grid));
            Assert.Empty(feed.Gaps);
        }
        await _store.CrashAsync(grid);
        await using var next = await TestGrid.StartAsync(_store.Settings());
        var config = Babble.Config(Yard.Id);
        config.FromChunk = 0;
        using var again = await Feed.BeginAsync(next.Client, config);
        Assert.Equal(Yard.Half, again.Ready.NextSample);
        await again.SendBabbleAsync(Yard.Half, Babble.Samples);
        await BareSession.AssertEqualAsync(again.Tags, await again.FinishAsync());
        Assert.Empty(again.Gaps);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_registry_keeps_its_tenants(bool restored)
    {
        await using (var grid = await TestGrid.StartAsync(_store.Settings()))
        {
            await grid.Admin.CreateTenantAsync(new CreateTenantRequest { Name = "first" });
            var copy = _store.Copy();
            await grid.Admin.CreateTenantAsync(new CreateTenantRequest { Name = "second" });
            _store.Restore(restored ? copy : []);
            await grid.Admin.CreateTenantAsync(new CreateTenantRequest { Name = "third" });
        }
        await using var next = await TestGrid.StartAsync(_store.Settings());
        var tenants = (await next.Admin.ListTenantsAsync(new ListTenantsRequest())).Tenants;
        Assert.Equal(["first", "second", "third"], tenants.Select(tenant => tenant.Name));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Every_subscriber_receives_the_gap_of_a_stream_that_begins_again_elsewhere(bool byPrefix)
    {
        await using var gateway = await TestGrid.StartAsync(new() { ["Grid:Role"] = "gateway" });
        var silo = await gateway.StartSiloAsync(_store.Settings());
        var config = Babble.Config(Yard.Id);
        using (var feed = await Feed.BeginAsync(gateway.Client, config))
        {
            await feed.SendBabbleAsync(0, Yard.Half);
            await feed.AppliedAsync(Yard.Half);
            Assert.Equal(Yard.Half, await Yard.CheckpointAsync(gateway));
            (config.Begun, config.OldestSample) = (feed.Ready.Begun, Yard.Half);
        }
        var request = byPrefix ? new SubscribeRequest { Prefix = Yard.Id[..2] } : new SubscribeRequest { StreamId = Yard.Id };
        using var call = gateway.Client.Subscribe(request, deadline: TestGrid.Deadline);
        await ReadUntilAsync(response => response.Subscribed is not null);

        _store.Change(bytes => bytes[^1]++);
        _store.TakeAway();
        await silo.DisposeAsync();
        _store.BringBack();
        await using var next = await gateway.StartSiloAsync(_store.Settings());
        using var again = await Feed.BeginAsync(gateway.Client, config);
        await again.SendBabbleAsync(Yard.Half, Babble.Samples);
        var gap = (await ReadUntilAsync(response => response.Gap is not null)).Gap;
        await again.FinishAsync();
        Assert.Equal(Assert.Single(again.Gaps), gap);
        var more = 0;
        await ReadUntilAsync(response =>
        {
            more += response.Gap is null ? 0 : 1;
            return response.Ended is not null;
        });
        Assert.Equal(0, more);

        async Task<SubscribeResponse> ReadUntilAsync(Func<SubscribeResponse, bool> isIt)
        {
            do
            {
                Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None), "The subscription ended before.");
            }
            while (!isIt(call.ResponseStream.Current));
            return call.ResponseStream.Current;
        }
    }
}
