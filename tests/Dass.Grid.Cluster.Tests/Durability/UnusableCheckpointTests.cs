using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Host;
using Dass.Grid.V1;
using Microsoft.Extensions.Time.Testing;

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

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_client_that_does_not_come_back_leaves_none_that_lives_for_ever(bool gone)
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        (string, string)[] limits = [("Grid:Streams:IdleTimeout", "02:00:00"), ("Grid:Streams:Upkeep", "00:01:00")];
        var first = await TestGrid.StartAsync(
            time,
            _store.Settings([("Grid:Models:few:ModelDirectory", _few.Folder), ("Grid:DefaultModel", "tiny"), .. limits]));
        var config = Babble.Config(Yard.Id);
        config.Model = "few";
        using (var feed = await Feed.BeginAsync(first.Client, config))
        {
            await feed.SendBabbleAsync(0, Yard.Half);
            await feed.AppliedAsync(Yard.Half);
        }
        await first.StopAsync(time);

        (string, string)[] other = gone ? [] : [("Grid:Models:few:ModelDirectory", TestGrid.TinyModel), ("Grid:DefaultModel", "tiny")];
        var next = await TestGrid.StartAsync(time, _store.Settings([.. other, .. limits]));
        var client = next.Client;
        await TestGrid.UntilAsync(
            async () => (await client.ListStreamsAsync(new ListStreamsRequest())).Streams is [{ State: StreamState.Ended }], PassAsync);
        var status = (await Yard.Grain(next).GetStatus()).Value!; // a gateway has no names for its labels
        Assert.Equal(
            (Contracts.StreamEndReason.Idle, Yard.Half, 7L), (status.End!.Reason, status.NextSample, status.End.Summary.Chunks));
        await TestGrid.UntilAsync(async () => (await client.GetUsageAsync(new GetUsageRequest())).Models is [{ Streams: 1 }], PassAsync);
        await TestGrid.UntilAsync(() => _store.Records == 0, PassAsync);
        await next.StopAsync(time);

        Task PassAsync()
        {
            time.Advance(TimeSpan.FromSeconds(20));
            return Task.Delay(5);
        }
    }

    private async Task<TestGrid> StartAsync(string model) => new(await EmbeddedGrid.StartAsync(
        _store.Settings(("Grid:Models:tiny:ModelDirectory", model), ("Grid:Models:tiny:Threads", "1")), configure: null));
}
