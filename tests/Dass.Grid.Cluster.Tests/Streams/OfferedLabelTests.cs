using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Google.Protobuf;
using static Dass.Grid.Cluster.Tests.Support.OfferedModel;
using Rule = Dass.Grid.Engine.Events.EventRule;

namespace Dass.Grid.Cluster.Tests.Streams;

/// <summary>Labels that a model does not offer, and background ones: computed, and hidden unless a client asks for them.</summary>
public sealed class OfferedLabelTests : IAsyncLifetime
{
    private readonly OfferedModel _model = new();
    private TestGrid _grid = null!;

    public async Task InitializeAsync() => _grid = await _model.StartAsync();

    public async Task DisposeAsync()
    {
        await _grid.DisposeAsync();
        _model.Dispose();
    }

    [Fact]
    public async Task Lists_of_scores_show_what_is_offered_and_dense_lists_show_all()
    {
        var config = Babble.Config();
        config.Filter = new TagFilter { Top = 527, Dense = true };
        using var feed = await Feed.BeginAsync(_grid.Client, config);
        await feed.SendBabbleAsync(0, 32_000);
        var summary = await feed.FinishAsync();
        foreach (var list in new[] { feed.Tags[0].ChunkScores, feed.Tags[0].WindowScores, summary.Mean, summary.Max })
        {
            Assert.Equal(Enumerable.Range(0, 527).Where(IsOffered), list.Select(score => score.Index).Order());
        }
        Assert.Equal(527, feed.Tags[0].DenseWindowScores.Count);
        Assert.Equal(527, summary.DenseMax.Count);
    }

    [Fact]
    public async Task A_filter_that_names_labels_shows_them_whether_they_are_offered_or_not()
    {
        var labels = (await _grid.Client.ListLabelsAsync(new ListLabelsRequest())).Labels;
        var config = Babble.Config();
        config.Filter = new TagFilter { Labels = { labels[7].Name, labels[8].Id, labels[12].Name } };
        using var feed = await Feed.BeginAsync(_grid.Client, config);
        await feed.SendBabbleAsync(0, 32_000);
        await feed.FinishAsync();
        Assert.Equal([7, 8, 12], feed.Tags[0].WindowScores.Select(score => score.Index).Order());
    }

    [Fact]
    public async Task Hidden_and_background_labels_open_no_events()
    {
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config(Yard.Id));
        await feed.SendBabbleAsync(0, Babble.Samples);
        await feed.FinishAsync();
        var all = await ExpectedEvents.TrackAsync(new Rule());
        Assert.Contains(all, sound => !IsOffered(sound.Label));
        Assert.Contains(all, sound => IsBackground(sound.Label));
        ExpectedEvents.AssertEqual([.. all.Where(sound => OpensEvents(sound.Label))], feed.Events);

        var clip = await _grid.Client.TagAsync(new TagRequest { Format = Babble.Format, Audio = ByteString.CopyFrom(Babble.Pcm) });
        ExpectedEvents.AssertEqual(
            [.. all.Where(sound => OpensEvents(sound.Label))], [.. clip.Chunks.SelectMany(chunk => chunk.Events), .. clip.Events]);
    }

    [Fact]
    public async Task A_stream_has_the_events_of_the_labels_that_it_names()
    {
        var all = await ExpectedEvents.TrackAsync(new Rule());
        var hidden = all.First(sound => !IsOffered(sound.Label)).Label;
        var background = all.First(sound => IsBackground(sound.Label)).Label;
        var labels = (await _grid.Client.ListLabelsAsync(new ListLabelsRequest())).Labels;
        var config = Babble.Config(Yard.Id);
        config.LabelEvents.Add(new LabelRule { Label = labels[hidden].Name });
        config.LabelEvents.Add(new LabelRule { Label = labels[background].Id, Rule = new EventRule() });
        using var feed = await Feed.BeginAsync(_grid.Client, config);
        await feed.SendBabbleAsync(0, Babble.Samples);
        await feed.FinishAsync();
        ExpectedEvents.AssertEqual(
            [.. all.Where(sound => OpensEvents(sound.Label) || sound.Label == hidden || sound.Label == background)], feed.Events);

        // A filter shows what there is, and opens nothing.
        var other = all.First(sound => !OpensEvents(sound.Label) && sound.Label != hidden && sound.Label != background).Label;
        using var watch = _grid.Client.Subscribe(
            new SubscribeRequest
            {
                StreamId = Yard.Id, FromChunk = 0, EventsOnly = true,
                Filter = new TagFilter { Labels = { labels[hidden].Id, labels[other].Id } },
            },
            deadline: TestGrid.Deadline);
        var heard = new List<Event>();
        while (await watch.ResponseStream.MoveNext(CancellationToken.None))
        {
            heard.AddRange(watch.ResponseStream.Current.Tags?.Events ?? watch.ResponseStream.Current.Ended?.Events ?? []);
        }
        Assert.Equal(feed.Events.Where(sound => sound.LabelIndex == hidden), heard);
        Assert.NotEmpty(heard);
    }

    [Fact]
    public async Task ListLabels_says_what_is_offered_and_why()
    {
        var labels = (await _grid.Client.ListLabelsAsync(new ListLabelsRequest())).Labels;
        Assert.Equal(Enumerable.Range(0, 527), labels.Select(label => label.Index));
        Assert.All(labels, label => Assert.Equal(
            (IsOffered(label.Index), IsOffered(label.Index) && IsBackground(label.Index)), (label.Offered, label.Background)));
        Assert.Equal(("agreement", 0.95, 11), (labels[6].Evidence, labels[6].Auc, labels[6].Clips));
        Assert.Equal(("", 0.0, 0), (labels[7].Evidence, labels[7].Auc, labels[7].Clips));
    }
}
