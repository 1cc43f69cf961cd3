using CsCheck;
using Dass.Grid.Engine.Events;
using static Dass.Grid.Engine.Tests.Events.TrackerRun;

namespace Dass.Grid.Engine.Tests.Events;

public sealed class SoundEventSnapshotTests
{
    private static readonly EventRules Rules = new(
        new EventRule { MergeGap = TimeSpan.FromSeconds(5) }, new Dictionary<int, EventRule> { [2] = new() { On = 0.9f } });

    [Fact]
    public void A_tracker_of_other_labels_or_rules_is_refused_by_name()
    {
        var snapshot = Snapshot();
        Assert.Contains("4 labels", Refused(snapshot, Rules, 5));
        EventRules[] others =
        [
            new(Rules.Default, updateEvery: Rules.UpdateEvery),
            new(Rules.Default, new Dictionary<int, EventRule> { [3] = Rules[2] }),
            new(Rules.Default, new Dictionary<int, EventRule> { [2] = Rules[2] with { Off = 0.3f } }),
            new(Rules.Default with { MergeGap = TimeSpan.FromSeconds(4) }, new Dictionary<int, EventRule> { [2] = Rules[2] }),
            new(Rules.Default with { MinDuration = TimeSpan.Zero }, new Dictionary<int, EventRule> { [2] = Rules[2] }),
            new(Rules.Default, new Dictionary<int, EventRule> { [2] = Rules[2] }, TimeSpan.FromSeconds(11)),
        ];
        Assert.All(others, other => Assert.Contains("other rules", Refused(snapshot, other, 4)));
        // Equal rules are the same rules.
        _ = Restore(snapshot, new EventRules(Rules.Default, new Dictionary<int, EventRule> { [2] = Rules[2] }), 4);
    }

    [Fact]
    public void Any_truncation_and_any_excess_is_refused()
    {
        var snapshot = Snapshot();
        for (var length = 0; length < snapshot.Length; length++)
        {
            Refused(snapshot[..length], Rules, 4);
        }
        Refused([.. snapshot, 0], Rules, 4);
    }

    [Fact]
    public void Damage_anywhere_is_refused_or_gives_a_tracker_that_goes_on()
    {
        var snapshot = Snapshot();
        Gen.Select(Gen.Int[0, snapshot.Length - 1], Gen.Byte).Sample(damage =>
        {
            byte[] damaged = [.. snapshot];
            damaged[damage.Item1] ^= damage.Item2;
            SoundEventTracker tracker;
            try
            {
                tracker = Restore(damaged, Rules, 4);
            }
            catch (SnapshotException)
            {
                return;
            }
            var changes = new List<EventChange>();
            tracker.Complete(1000, changes);
            Assert.True(changes.Count <= 8);
            Assert.All(
                changes,
                change => Assert.True(
                    change.OnsetSeconds <= change.PeakSeconds
                    && change.PeakSeconds <= change.OffsetSeconds
                    && change.Mean is >= 0 and <= 1));
        });
    }

    [Fact]
    public void Sounds_in_no_order_or_twice_are_refused()
    {
        var snapshot = Snapshot();
        var (first, second) = (snapshot.Length - 2 * SoundBytes, snapshot.Length - SoundBytes);
        byte[] swapped = [.. snapshot[..first], .. snapshot[second..], .. snapshot[first..second]];
        byte[] twice = [.. snapshot[..second], .. snapshot[first..second]];
        Assert.Contains("label of a sound", Refused(swapped, Rules, 4));
        Assert.Contains("label of a sound", Refused(twice, Rules, 4));
    }

    private const int SoundBytes = sizeof(int) + 2 + 7 * sizeof(double) + sizeof(float);

    /// <summary>Label 0 is on and an event, 1 is in a pause, 2 and 3 are silent.</summary>
    private static byte[] Snapshot()
    {
        var (tracker, changes) = (new SoundEventTracker(Rules, 4), new List<EventChange>());
        Add(tracker, [Chunk(0, 0.1f, 0.2f, 0.1f, float.NaN), Chunk(1, 0.8f, 0.8f, 0.1f, 0.1f), Chunk(2, 0.9f, 0.1f, 0.1f, 0.1f)], changes);
        Assert.NotEmpty(changes);
        return Save(tracker);
    }

    private static string Refused(byte[] snapshot, EventRules rules, int labels) =>
        Assert.Throws<SnapshotException>(() => Restore(snapshot, rules, labels)).Message;
}
