using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Contracts;
using Dass.Grid.Grains.Checkpoints;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>A checkpoint as a silo of layout version 2 wrote it, of the first half of the recording.</summary>
public sealed class StoredCheckpointTests : IDisposable
{
    private const int ETagBytes = 8;

    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "fixtures", "checkpoint-v2");
    private static readonly Timestamp Captured = new() { Seconds = 1_790_000_000, Nanos = 123_456_700 };

    private readonly StoreFolder _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public void It_has_all_that_the_layout_has()
    {
        var bytes = File.ReadAllBytes(Directory.GetFiles(Folder).Single()).AsSpan(ETagBytes);
        var checkpoint = Checkpoint.Read(bytes);
        Assert.Equal(2, BitConverter.ToInt32(bytes[sizeof(int)..]));
        Assert.Equal(
            (Yard.Half, "live", Captured.ToDateTimeOffset()), (checkpoint.NextSample, checkpoint.Shape.Alias, checkpoint.Shape.Captured));
        var events = checkpoint.History.SelectMany(chunk => chunk.Events).ToArray();
        Assert.Contains(events, sound => sound.Kind == SoundEventKind.Closed);
        Assert.NotEmpty(events.Where(sound => sound.Kind == SoundEventKind.Opened).Select(sound => sound.Id)
            .Except(events.Where(sound => sound.Kind == SoundEventKind.Closed).Select(sound => sound.Id)));
        Assert.False(checkpoint.Events.IsEmpty || checkpoint.Notes.IsEmpty || checkpoint.Session.IsEmpty);
    }

    [Fact]
    public async Task It_goes_on_with_the_same_scores_and_events()
    {
        _store.Put(Folder);
        await using var grid = await TestGrid.StartAsync(_store.Settings());
        using var whole = await Feed.BeginAsync(grid.Client, Config("whole", "tiny"));
        await whole.SendBabbleAsync(0, Babble.Samples);
        await whole.FinishAsync();

        var config = Babble.Config(Yard.Id);
        config.FromChunk = 0;
        using var feed = await Feed.BeginAsync(grid.Client, config);
        Assert.Equal((Yard.Half, Captured), (feed.Ready.NextSample, feed.Ready.CaptureTime));
        await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
        await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
        Assert.Empty(feed.Gaps);
        AssertSame([.. whole.Events], [.. feed.Events]);
        Assert.Contains(feed.Events, sound => sound.Kind == EventKind.Closed);
    }

    /// <summary>Scores of two processors may differ in the last place, and times are interpolated between scores.</summary>
    private static void AssertSame(Event[] expected, Event[] actual)
    {
        Assert.Equal(expected.Select(sound => (sound.Id, sound.Kind)), actual.Select(sound => (sound.Id, sound.Kind)));
        foreach (var (wanted, found) in expected.Zip(actual))
        {
            Assert.Equal(wanted.OnsetSeconds, found.OnsetSeconds, 0.02);
            Assert.Equal(wanted.OffsetSeconds, found.OffsetSeconds, 0.02);
            Assert.Equal(wanted.PeakScore, found.PeakScore, 1e-4);
        }
    }

    private static StreamConfig Config(string id, string model)
    {
        var config = Babble.Config(id);
        (config.Model, config.CaptureTime) = (model, Captured);
        config.Events = new EventRule
        {
            On = 0.5f,
            MinDuration = Duration.FromTimeSpan(TimeSpan.Zero),
            MergeGap = Duration.FromTimeSpan(TimeSpan.Zero),
        };
        return config;
    }
}
