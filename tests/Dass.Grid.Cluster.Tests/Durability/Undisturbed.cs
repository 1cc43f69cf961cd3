using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Engine.Events;
using Dass.Grid.V1;
using EventRule = Dass.Grid.Engine.Events.EventRule;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>The law of all injuries: what a client has got in the end is what the engine alone says of the recording, tags and events.</summary>
internal static class Undisturbed
{
    private static readonly Lazy<Task<List<EventChange>>> Expected = new(ExpectAsync);

    /// <summary>Of calls one after the other, the last of which has finished; what comes again must be the same.</summary>
    public static async Task AssertAsync(Summary summary, params Feed[] feeds)
    {
        var all = feeds.SelectMany(feed => feed.Tags).ToArray();
        Tags[] tags = [.. all.DistinctBy(chunk => chunk.Chunk).OrderBy(chunk => chunk.Chunk)];
        await BareSession.AssertEqualAsync(tags, summary);
        await BareSession.AssertEqualAsync([.. all.Reverse().DistinctBy(chunk => chunk.Chunk).OrderBy(chunk => chunk.Chunk)], summary);
        Assert.All(feeds, feed => Assert.Empty(feed.Gaps));

        Event[] heard = [.. tags.SelectMany(chunk => chunk.Events), .. feeds[^1].Events.Skip(feeds[^1].Tags.Sum(chunk => chunk.Events.Count))];
        var expected = await Expected.Value;
        Assert.Equal(
            expected.Select(sound => (sound.Id, sound.Kind.ToString(), sound.Label)), heard.Select(sound => (sound.Id, sound.Kind.ToString(), sound.LabelIndex)));
        foreach (var (one, other) in expected.Zip(heard))
        {
            Assert.Equal(one.OnsetSeconds, other.OnsetSeconds, 1e-2);
            Assert.Equal(one.OffsetSeconds, other.OffsetSeconds, 1e-2);
            Assert.Equal(one.Peak, other.PeakScore, 1e-4f);
        }
    }

    private static async Task<List<EventChange>> ExpectAsync()
    {
        var (chunks, summary) = await BareSession.HearAsync(TestGrid.TinyModel);
        var (tracker, changes) = (new SoundEventTracker(new EventRules(new EventRule()), chunks[0].Scores.Length), new List<EventChange>());
        foreach (var chunk in chunks)
        {
            tracker.Add(chunk, changes);
        }
        tracker.Complete(summary.DurationSeconds, changes);
        Assert.Contains(changes, sound => sound.Kind == EventChangeKind.Closed);
        return changes;
    }
}
