using Dass.Grid.Engine.Events;
using Dass.Grid.V1;
using EventRule = Dass.Grid.Engine.Events.EventRule;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>
/// What the tracker says of the scores that the engine alone gives the recording: the specification of events through the grid.
/// </summary>
internal static class ExpectedEvents
{
    public static async Task<List<EventChange>> TrackAsync(EventRule rule, Dictionary<int, EventRule>? byLabel = null)
    {
        var (chunks, summary) = await BareSession.HearAsync(TestGrid.TinyModel);
        var (tracker, changes) = (new SoundEventTracker(new EventRules(rule, byLabel), chunks[0].Scores.Length), new List<EventChange>());
        foreach (var chunk in chunks)
        {
            tracker.Add(chunk, changes);
        }
        tracker.Complete(summary.DurationSeconds, changes);
        return changes;
    }

    public static void AssertEqual(List<EventChange> expected, IReadOnlyList<Event> actual)
    {
        Assert.NotEmpty(expected);
        Assert.Equal(
            expected.Select(sound => (sound.Id, sound.Kind.ToString(), sound.Label)),
            actual.Select(sound => (sound.Id, sound.Kind.ToString(), sound.LabelIndex)));
        foreach (var (one, other) in expected.Zip(actual))
        {
            Assert.Equal(one.OnsetSeconds, other.OnsetSeconds, 1e-2);
            Assert.Equal(one.OffsetSeconds, other.OffsetSeconds, 1e-2);
            Assert.Equal(one.Peak, other.PeakScore, 1e-4f);
            Assert.Equal(one.Mean, other.MeanScore, 1e-4f);
        }
    }
}
