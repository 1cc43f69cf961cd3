using Dass.Grid.Engine.Events;
using Dass.Grid.V1;
using EventRule = Dass.Grid.Engine.Events.EventRule;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>
/// The law under all faults: what a client has in the end is what the engine alone says of the recording, tags and events.
/// </summary>
internal static class Undisturbed
{
    private static readonly Lazy<Task<List<EventChange>>> Expected = new(() => ExpectedEvents.TrackAsync(new EventRule()));

    /// <summary>The calls come one after the other, and the last has finished; what comes again must be the same.</summary>
    public static async Task AssertAsync(Summary summary, params Feed[] feeds)
    {
        var all = feeds.SelectMany(feed => feed.Tags).ToArray();
        Tags[] tags = [.. all.DistinctBy(chunk => chunk.Chunk).OrderBy(chunk => chunk.Chunk)];
        await BareSession.AssertEqualAsync(tags, summary);
        await BareSession.AssertEqualAsync([.. all.Reverse().DistinctBy(chunk => chunk.Chunk).OrderBy(chunk => chunk.Chunk)], summary);
        Assert.All(feeds, feed => Assert.Empty(feed.Gaps));

        Event[] heard =
        [
            .. tags.SelectMany(chunk => chunk.Events),
            .. feeds[^1].Events.Skip(feeds[^1].Tags.Sum(chunk => chunk.Events.Count)),
        ];
        ExpectedEvents.AssertEqual(await Expected.Value, heard);
    }
}
