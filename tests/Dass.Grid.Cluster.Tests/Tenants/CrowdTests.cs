using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;

namespace Dass.Grid.Cluster.Tests.Tenants;

public sealed class CrowdTests : IDisposable
{
    private const int Streams = 400;

    private readonly StoreFolder _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task Many_streams_of_a_tenant_begin_and_end_at_once()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings(("Grid:Models:tiny:MaxStreams", $"{Streams}")));
        var config = Babble.Config();
        config.Filter = new TagFilter { Top = 1 };
        await Task.WhenAll(Enumerable.Range(0, Streams).Select(async _ =>
        {
            using var feed = await Feed.BeginAsync(grid.Client, config);
            await feed.SendBabbleAsync(0, Babble.SampleRateHz);
            await feed.FinishAsync();
        }));
        await TestGrid.UntilAsync(
            async () => (
                await grid.Client.GetUsageAsync(
                    new GetUsageRequest())).Models.SingleOrDefault()?.Streams == Streams, () => Task.Delay(100));
    }
}
