using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Rule = Dass.Grid.Engine.Events.EventRule;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>A stream keeps the rules of events that it began with, also when its model begins to say which labels it offers.</summary>
public sealed class MutedCheckpointTests : IDisposable
{
    /// <summary>That of the streams of the fixtures.</summary>
    private static readonly Rule Plain = new() { MinDuration = TimeSpan.Zero, MergeGap = TimeSpan.Zero };

    private readonly StoreFolder _store = new();
    private readonly OfferedModel _model = new();

    public void Dispose()
    {
        _store.Dispose();
        _model.Dispose();
    }

    [Theory]
    [InlineData("checkpoint-v2", Yard.Id)]
    [InlineData("store-2026-11", "live")]
    [InlineData("store-2026-11", "asleep")]
    public async Task A_stream_of_before_goes_on_with_the_events_of_all_labels(string fixture, string id)
    {
        _store.Put(Path.Combine(AppContext.BaseDirectory, "fixtures", fixture));
        await using var grid = await _model.StartAsync(_store.Settings(("Grid:Streams:IdleTimeout", "9999.00:00:00")));
        var config = Babble.Config(id);
        config.FromChunk = 0;
        using var feed = await Feed.BeginAsync(grid.Client, config);
        Assert.Equal(Yard.Half, feed.Ready.NextSample);
        await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
        await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
        Assert.Empty(feed.Gaps);
        var all = await ExpectedEvents.TrackAsync(Plain);
        Assert.Contains(feed.Events, sound => !OfferedModel.OpensEvents(sound.LabelIndex));
        Assert.Equal(
            all.Select(sound => (sound.Id, sound.Kind.ToString())), feed.Events.Select(sound => (sound.Id, sound.Kind.ToString())));

        // A stream that begins now has the events of what is offered.
        var later = Babble.Config("later");
        later.Events = new EventRule { MinDuration = new Duration(), MergeGap = new Duration() };
        using var other = await Feed.BeginAsync(grid.Client, later);
        await other.SendBabbleAsync(0, Babble.Samples);
        await other.FinishAsync();
        ExpectedEvents.AssertEqual([.. all.Where(sound => OfferedModel.OpensEvents(sound.Label))], other.Events);
    }

    [Fact]
    public async Task Muted_labels_are_a_part_of_the_checkpoint()
    {
        List<Event> before;
        var labels = Engine.Model.AudioSetLabels.All;
        var all = await ExpectedEvents.TrackAsync(new Rule());
        var asked = all.First(sound => !OfferedModel.IsOffered(sound.Label)).Label;
        await using (var grid = await _model.StartAsync(_store.Settings()))
        {
            var config = Babble.Config(Yard.Id);
            config.LabelEvents.Add(new LabelRule { Label = labels[asked].Name });
            using var feed = await Feed.BeginAsync(grid.Client, config);
            await feed.SendBabbleAsync(0, Yard.Half);
            await feed.AppliedAsync(Yard.Half);
            before = feed.Events;
        }
        // The model offers all labels again, and the stream goes on as it began.
        await using var next = await TestGrid.StartAsync(_store.Settings());
        using var again = await Feed.BeginAsync(next.Client, new StreamConfig { StreamId = Yard.Id });
        Assert.Equal(Yard.Half, again.Ready.NextSample);
        await again.SendBabbleAsync(Yard.Half, Babble.Samples);
        await again.FinishAsync();
        Assert.Empty(again.Gaps);
        ExpectedEvents.AssertEqual(
            [.. all.Where(sound => OfferedModel.OpensEvents(sound.Label) || sound.Label == asked)], [.. before, .. again.Events]);
    }
}
