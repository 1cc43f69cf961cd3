using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Tenants;

/// <summary>A tenant for which no limit is set has the grid's, where callers need a key.</summary>
public sealed class DefaultLimitTests
{
    private const string AdminKey = "admin-0123456789abcdef";

    private static readonly Metadata Plain = new() { { "x-api-key", "plain-0123456789abcdef" } };
    private static readonly Metadata Own = new() { { "x-api-key", "own-0123456789abcdefgh" } };

    [Fact]
    public async Task Each_limit_that_a_tenant_does_not_have_is_the_grids()
    {
        await using var grid = await TestGrid.StartAsync(new()
        {
            ["DefaultLimits:LiveStreams"] = "1",
            ["DefaultLimits:Subscribers"] = "1",
            ["Tenants:plain:KeyHashes:0"] = KeyHash.Create("plain-0123456789abcdef").ToString(),
            ["Tenants:own:KeyHashes:0"] = KeyHash.Create("own-0123456789abcdefgh").ToString(),
            ["Tenants:own:Limits:LiveStreams"] = "2",
            ["Admin:KeyHashes:0"] = KeyHash.Create(AdminKey).ToString(),
        });
        var made = await grid.Admin.CreateTenantAsync(
            new CreateTenantRequest { Name = "zoo" }, new Metadata { { "x-api-key", AdminKey } });
        foreach (var (headers, live) in new[] { (Plain, 1), (Own, 2), (new Metadata { { "x-api-key", made.Key } }, 1) })
        {
            var feeds = new List<Feed>();
            for (var i = 0; i < live; i++)
            {
                feeds.Add(await Feed.BeginAsync(grid.Client, Babble.Config($"stream-{i}"), headers));
            }
            await TestGrid.RefusesAsync(
                StatusCode.ResourceExhausted, $"quota live_streams is {live}",
                () => Feed.BeginAsync(grid.Client, Babble.Config("one-more"), headers));
            using var first = grid.Client.Subscribe(new SubscribeRequest { AllStreams = true }, headers, TestGrid.Deadline);
            await first.ResponseHeadersAsync;
            using var second = grid.Client.Subscribe(new SubscribeRequest { AllStreams = true }, headers, TestGrid.Deadline);
            await TestGrid.RefusesAsync(
                StatusCode.ResourceExhausted, "quota subscribers is 1", () => second.ResponseStream.MoveNext(CancellationToken.None));
            feeds.ForEach(feed => feed.Dispose());
        }
    }

    [Fact]
    public async Task A_grid_without_keys_has_none()
    {
        await using var grid = await TestGrid.StartAsync(new() { ["DefaultLimits:LiveStreams"] = "1" });
        using var one = await Feed.BeginAsync(grid.Client, Babble.Config("one"));
        using var two = await Feed.BeginAsync(grid.Client, Babble.Config("two"));
    }
}
