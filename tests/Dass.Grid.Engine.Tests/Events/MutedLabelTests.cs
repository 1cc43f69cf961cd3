using Dass.Grid.Engine.Events;
using static Dass.Grid.Engine.Tests.Events.TrackerRun;

namespace Dass.Grid.Engine.Tests.Events;

/// <summary>Labels whose sounds are no events.</summary>
public sealed class MutedLabelTests
{
    private static readonly EventRule Rule = Plain(0.5f, 0.4f);

    [Fact]
    public void A_muted_label_opens_no_event_and_the_others_are_as_they_would_be_without_it()
    {
        var chunks = Chunks();
        var all = Track(new EventRules(Rule), chunks);
        Assert.Equal([0, 1, 2, 3], all.Select(change => change.Label).Distinct().Order());
        var heard = Track(new EventRules(Rule, muted: [1, 3]), chunks);
        Assert.Equal(all.Where(change => change.Label is 0 or 2), heard);
    }

    [Fact]
    public void A_rule_of_its_own_is_the_same_as_being_asked_for()
    {
        var rules = new EventRules(Rule, new Dictionary<int, EventRule> { [3] = Rule }, muted: [1, 3]);
        Assert.Equal((true, false), (rules.IsMuted(1), rules.IsMuted(3)));
        Assert.Equal([1], rules.Muted);
        Assert.Contains(Track(rules, Chunks()), change => change.Label == 3);
    }

    [Fact]
    public void A_tracker_goes_on_under_the_same_muted_labels_only()
    {
        EventRules plain = new(Rule), muted = new(Rule, muted: [1, 3]);
        byte[] before = Saved(plain), after = Saved(muted);
        _ = Restore(after, new EventRules(Rule, muted: [3, 1]), 4);
        _ = Restore(before, new EventRules(Rule, new Dictionary<int, EventRule>(), muted: []), 4);
        Assert.All(
            [(before, muted), (after, plain), (after, new EventRules(Rule, muted: [1])), (after, new EventRules(Rule, muted: [1, 2]))],
            pair => Assert.Contains(
                "other rules", Assert.Throws<SnapshotException>(() => Restore(pair.Item1, pair.Item2, 4)).Message));
        for (var length = 0; length < after.Length; length++)
        {
            Assert.Throws<SnapshotException>(() => Restore(after[..length], muted, 4));
        }
    }

    [Fact]
    public void A_muted_label_that_no_model_has_is_refused()
    {
        Assert.Contains("Muted label is -1", Assert.Throws<ArgumentException>(() => new EventRules(Rule, muted: [-1])).Message);
        Assert.Contains("100000", Assert.Throws<ArgumentException>(() => new EventRules(Rule, muted: [100_000])).Message);
        var rules = new EventRules(Rule, muted: [4]);
        Assert.Contains("Muted label is 4", Assert.Throws<ArgumentException>(() => new SoundEventTracker(rules, 4)).Message);
    }

    private static Dass.Grid.Engine.Tags.ChunkScores[] Chunks() =>
        [Chunk(0, 0.1f, 0.6f, 0.1f, 0.9f), Chunk(1, 0.8f, 0.7f, 0.6f, 0.9f), Chunk(2, 0.9f, 0.1f, 0.1f, 0.9f)];

    private static byte[] Saved(EventRules rules)
    {
        var tracker = new SoundEventTracker(rules, 4);
        Add(tracker, Chunks(), []);
        return Save(tracker);
    }
}
