using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Tenants;

public sealed class TenantTests : IAsyncLifetime
{
    private const string AnnesKey = "anne-0123456789abcdef";
    private const string BobsKey = "bob-0123456789abcdefg";

    private static readonly Metadata Anne = new() { { "authorization", $"Bearer {AnnesKey}" } };
    private static readonly Metadata Bob = new() { { "x-api-key", BobsKey } };

    private TestGrid _grid = null!;

    public async Task InitializeAsync() => _grid = await TestGrid.StartAsync(new()
    {
        ["Tenants:anne:KeyHashes:0"] = KeyHash.Create("an older key of hers").ToString(),
        ["Tenants:anne:KeyHashes:1"] = KeyHash.Create(AnnesKey).ToString(),
        ["Tenants:bob:KeyHashes:0"] = KeyHash.Create(BobsKey).ToString(),
    });

    public async Task DisposeAsync() => await _grid.DisposeAsync();

    [Fact]
    public async Task Equal_ids_of_two_tenants_are_two_streams()
    {
        using var annes = await Feed.BeginAsync(_grid.Client, Babble.Config("mine"), Anne);
        using var bobs = await Feed.BeginAsync(_grid.Client, Babble.Config("mine"), Bob);
        await annes.SendBabbleAsync(0, 16_000);
        await bobs.SendBabbleAsync(0, Babble.Samples);
        await BareSession.AssertEqualAsync(bobs.Tags, await bobs.FinishAsync());
        await annes.SendBabbleAsync(16_000, Babble.Samples);
        await BareSession.AssertEqualAsync(annes.Tags, await annes.FinishAsync());
    }

    [Fact]
    public async Task A_tenant_sees_only_its_own_streams()
    {
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config("secret"), Anne);
        var client = _grid.Client;

        Assert.Single((await client.ListStreamsAsync(new ListStreamsRequest(), Anne)).Streams);
        Assert.Empty((await client.ListStreamsAsync(new ListStreamsRequest(), Bob)).Streams);
        await Unknown(async () => await client.GetStreamAsync(new GetStreamRequest { StreamId = "secret" }, Bob));
        await Unknown(async () => await client.CloseStreamAsync(new CloseStreamRequest { StreamId = "secret" }, Bob));
        await Unknown(async () =>
        {
            using var watch = client.Subscribe(new SubscribeRequest { StreamId = "secret" }, Bob, TestGrid.Deadline);
            await watch.ResponseStream.MoveNext(CancellationToken.None);
        });
        await Unknown(async () =>
        {
            using var stolen = new Feed(client, Bob);
            await stolen.SendAsync(new StreamRequest { Config = new StreamConfig { StreamId = "secret" } });
            await stolen.ReadToEndAsync();
        });
        Assert.Equal(StreamState.Live, (await client.GetStreamAsync(new GetStreamRequest { StreamId = "secret" }, Anne)).Entry.State);
    }

    [Fact]
    public async Task No_call_is_served_without_a_tenants_key()
    {
        var wrong = new Metadata { { "authorization", "Bearer unknown-0123456789" } };
        await TestGrid.RefusesAsync(
            StatusCode.Unauthenticated, "needs an API key", async () => await _grid.Client.ListModelsAsync(new ListModelsRequest()));
        await TestGrid.RefusesAsync(
            StatusCode.Unauthenticated, "belongs to no tenant", async () => await _grid.Client.ListStreamsAsync(
                new ListStreamsRequest(), wrong));
        using var feed = new Feed(_grid.Client, wrong);
        await TestGrid.RefusesAsync(StatusCode.Unauthenticated, "belongs to no tenant", feed.ReadToEndAsync);
    }

    private static Task Unknown(Func<Task> call) => TestGrid.RefusesAsync(StatusCode.NotFound, "'secret' is unknown", call);
}
