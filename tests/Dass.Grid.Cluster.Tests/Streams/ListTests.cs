using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Streams;

[Collection(SharedGridCollection.Name)]
public sealed class ListTests(SharedGrid shared)
{
    private readonly Tagging.TaggingClient _client = shared.Client;

    [Fact]
    public async Task Streams_are_listed_page_by_page_in_the_order_of_their_ids()
    {
        var names = Enumerable.Range(0, 5).Select(i => $"listed-{i}").ToArray();
        foreach (var name in names.Reverse())
        {
            using var feed = await Feed.BeginAsync(_client, Babble.Config(name));
        }
        await _client.CloseStreamAsync(new CloseStreamRequest { StreamId = names[3] });

        var listed = new List<StreamEntry>();
        var token = "";
        do
        {
            var page = await _client.ListStreamsAsync(new ListStreamsRequest { PageSize = 2, PageToken = token });
            Assert.True(page.Streams.Count <= 2);
            listed.AddRange(page.Streams);
            token = page.NextPageToken;
        }
        while (token.Length > 0);

        var mine = listed.Where(entry => names.Contains(entry.StreamId)).ToArray();
        Assert.Equal(names, mine.Select(entry => entry.StreamId));
        Assert.Equal(names.Select(name => name == names[3] ? StreamState.Ended : StreamState.Live), mine.Select(entry => entry.State));
        Assert.All(mine, entry => Assert.Equal("tiny", entry.Model));
    }

    [Fact]
    public async Task A_stream_tells_how_it_fares()
    {
        var begun = DateTimeOffset.UtcNow;
        using (var feed = await Feed.BeginAsync(_client, Babble.Config("faring")))
        {
            await feed.SendBabbleAsync(0, 4 * Babble.SampleRateHz);
            await feed.AppliedAsync(4 * Babble.SampleRateHz);
            var health = (await _client.GetStreamAsync(new GetStreamRequest { StreamId = "faring" })).Entry.Health;
            Assert.True(health.Attached);
            Assert.InRange(health.LastAudio.ToDateTimeOffset(), begun, DateTimeOffset.UtcNow);
            Assert.True(health.Delay.ToTimeSpan() > TimeSpan.Zero);
            Assert.Equal(feed.Tags[^1].Level, health.Level);
            Assert.Equal(3, health.Top.Count);
            var eighth = feed.Tags[^1].DenseWindowScores.OrderDescending().ElementAt(7);
            Assert.All(health.Top, top => Assert.Equal(feed.Tags[^1].DenseWindowScores[top.Index], top.Score));
            Assert.All(health.Top, top => Assert.True(top.Score >= eighth));
        }
        await TestGrid.UntilAsync(
            async () => !(await _client.GetStreamAsync(new GetStreamRequest { StreamId = "faring" })).Entry.Health.Attached,
            () => Task.Delay(10));
        await _client.CloseStreamAsync(new CloseStreamRequest { StreamId = "faring" });
        Assert.Null((await _client.GetStreamAsync(new GetStreamRequest { StreamId = "faring" })).Entry.Health);
    }

    [Theory]
    [InlineData(-1, "", "page_size is -1")]
    [InlineData(1001, "", "page_size is 1001")]
    [InlineData(0, "not/a/token", "page_token 'not/a/token'")]
    public Task A_page_that_cannot_be_is_refused(int size, string token, string fragment) => TestGrid.RefusesAsync(
        StatusCode.InvalidArgument, fragment, async () => await _client.ListStreamsAsync(
            new ListStreamsRequest { PageSize = size, PageToken = token }));

    [Fact]
    public async Task Models_and_labels_are_listed()
    {
        var model = Assert.Single((await _client.ListModelsAsync(new ListModelsRequest())).Models);
        Assert.True(model.IsDefault);
        var labels = await _client.ListLabelsAsync(new ListLabelsRequest { Model = model.Name });
        Assert.Equal(model, labels.Model);
        Assert.Equal(Enumerable.Range(0, 527), labels.Labels.Select(label => label.Index));
        Assert.Equal("Speech", labels.Labels[0].Name);
        Assert.Equal(labels.Labels.Count(label => label.Offered), model.OfferedLabelCount);
        await TestGrid.RefusesAsync(
            StatusCode.NotFound, "model 'other' is unknown", async () => await _client.ListLabelsAsync(
                new ListLabelsRequest { Model = "other" }));
    }
}
