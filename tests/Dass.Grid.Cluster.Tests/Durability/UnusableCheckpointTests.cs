using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Host;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>A stream whose checkpoint is whole, and of no use to the models that its grid has by now.</summary>
public sealed class UnusableCheckpointTests : IDisposable
{
    private readonly StoreFolder _store = new();
    private readonly FewLabelsModel _few = new();

    public void Dispose()
    {
        _store.Dispose();
        _few.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task It_begins_again_without_the_chunks_of_other_labels(bool more)
    {
        var (before, now) = more ? (_few.Folder, TestGrid.TinyModel) : (TestGrid.TinyModel, _few.Folder);
        await using (var grid = await StartAsync(before))
        {
            using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id));
            await feed.SendBabbleAsync(0, Yard.Half);
            await feed.AppliedAsync(Yard.Half);
        }
        await using var next = await StartAsync(now);
        using var again = await Feed.BeginAsync(next.Client, Babble.Config(Yard.Id));
        Assert.Equal((0, 0, 0), (again.Ready.NextSample, again.Ready.NextChunk, again.Ready.DurableSample));
        await again.SendBabbleAsync(0, Yard.Half);
        await again.AppliedAsync(Yard.Half);
        Assert.True((await Yard.Grain(next).GetTags(0, 64)).Has(out var page, out _));
        Assert.Equal(again.Tags.Select(tags => tags.Chunk), page.Tags.Select(chunk => chunk.Index));
        Assert.All(page.Tags, chunk => Assert.Equal(more ? 527 : FewLabelsModel.Labels, chunk.Scores.Length));
        Assert.Contains("other weights", Assert.Single(again.Gaps).Reason, StringComparison.Ordinal);
    }

    private async Task<TestGrid> StartAsync(string model) => new(await EmbeddedGrid.StartAsync(
        _store.Settings(("Grid:Models:tiny:ModelDirectory", model), ("Grid:Models:tiny:Threads", "1")), configure: null));
}
