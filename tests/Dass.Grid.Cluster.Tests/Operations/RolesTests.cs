using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Host;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Operations;

public sealed class RolesTests
{
    [Fact]
    public async Task A_gateway_serves_the_streams_of_a_silo()
    {
        await using var silo = await EmbeddedGrid.StartAsync(
            new() { ["Grid:Role"] = "silo", ["Grid:Models:tiny:ModelDirectory"] = TestGrid.TinyModel, ["Grid:Models:tiny:Threads"] = "1" },
            configure: null);
        await using var gateway = await TestGrid.StartAsync(
            new() { ["Grid:Role"] = "gateway", ["Grid:PrimarySilo"] = $"127.0.0.1:{silo.SiloPort}" });
        await gateway.ReadyAsync(); // one that has just come may not know the silo yet

        using var feed = await Feed.BeginAsync(gateway.Client, Babble.Config("afar"));
        using var watch = gateway.Client.Subscribe(
            new SubscribeRequest { StreamId = "afar", Filter = new TagFilter { Dense = true } }, deadline: TestGrid.Deadline);
        Assert.True(await watch.ResponseStream.MoveNext(CancellationToken.None));
        await feed.SendBabbleAsync(0, Babble.Samples);
        await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());

        var seen = new List<Tags>();
        while (await watch.ResponseStream.MoveNext(CancellationToken.None) && watch.ResponseStream.Current.Tags is { } tags)
        {
            seen.Add(tags);
        }
        await BareSession.AssertEqualAsync(seen);
    }

    [Fact]
    public async Task A_stopping_grid_tells_its_clients_how_to_go_on()
    {
        var grid = await TestGrid.StartAsync();
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config("stopped"));
        using var watch = grid.Client.Subscribe(new SubscribeRequest { StreamId = "stopped" }, deadline: TestGrid.Deadline);
        Assert.True(await watch.ResponseStream.MoveNext(CancellationToken.None));

        var stop = grid.Host.DisposeAsync();
        await IsInterruptedAsync("Call again with stream_id 'stopped'", feed.ReadToEndAsync);
        await IsInterruptedAsync("gateway is stopping", () => watch.ResponseStream.MoveNext(CancellationToken.None));
        await stop;
        grid.Channel.Dispose();
    }

    private static async Task IsInterruptedAsync(string fragment, Func<Task> call)
    {
        var end = await Assert.ThrowsAsync<RpcException>(call);
        Assert.True(
            end.StatusCode == StatusCode.Unavailable && end.Status.Detail.Contains(fragment, StringComparison.Ordinal),
            $"Expected Unavailable with '{fragment}', got {end.Status}.");
    }
}
