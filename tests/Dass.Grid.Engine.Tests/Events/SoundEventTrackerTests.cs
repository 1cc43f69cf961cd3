using Dass.Grid.Engine.Events;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Tests;
using static Dass.Grid.Engine.Tests.Events.TrackerRun;

namespace Dass.Grid.Engine.Tests.Events;

/// <summary>Worked by hand: chunks of one second, so chunk i has its centre at i + 0.5 s.</summary>
public sealed class SoundEventTrackerTests
{
    private const double Exact = 1e-6;

    [Fact]
    public void A_sound_that_has_reached_On_lasts_while_it_is_not_below_Off()
    {
        var changes = Track(Plain(0.7f, 0.5f), 0.3f, 0.7f, 0.5f, 0.6f, 0.3f);
        Assert.Equal([EventChangeKind.Opened, EventChangeKind.Closed], changes.Select(change => change.Kind));
        // The logits of 0.3 and 0.7 are opposite, so 0.5 lies in the middle between their centres; 0.6 to 0.3 has ln 1.5 of ln 1.5 + ln 7/3
        // above.
        Assert.All(changes, change => Assert.Equal(1.0, change.OnsetSeconds, Exact));
        Assert.Equal(3.5 + Math.Log(1.5) / (Math.Log(1.5) + Math.Log(7.0 / 3)), changes[1].OffsetSeconds, Exact);
        Assert.Equal((0.7f, 1.5), (changes[1].Peak, changes[1].PeakSeconds));
        Assert.Equal(0.6f, changes[1].Mean, 1e-6f);
    }

    [Fact]
    public void A_sound_begins_where_it_rose_above_Off_even_when_On_comes_later()
    {
        var changes = Track(Plain(0.9f, 0.5f), 0.3f, 0.7f, 0.95f, 0.05f);
        Assert.Equal((1.0, "0-2"), (changes[0].OnsetSeconds, changes[0].Id));
        Assert.Equal(3.0, changes[1].OffsetSeconds, Exact);
    }

    [Fact]
    public void A_sound_that_never_reaches_On_is_no_event() => Assert.Empty(Track(Plain(0.7f, 0.5f), 0.6f, 0.69f, 0.6f, 0.1f));

    [Fact]
    public void An_event_is_told_when_it_is_certain()
    {
        Assert.Equal(["1 Opened", "3 Closed"], Reported(Plain(0.5f, 0.5f), 0.3f, 0.7f, 0.7f, 0.3f, 0.3f));
        // At chunk 1 half a second is certain, at chunk 2 one and a half.
        var rule = Plain(0.5f, 0.5f) with { MinDuration = TimeSpan.FromSeconds(0.75) };
        Assert.Equal(["2 Opened", "3 Closed"], Reported(rule, 0.3f, 0.7f, 0.7f, 0.3f, 0.3f));
        Assert.Equal(["2 Opened", "2 Closed"], Reported(rule, 0.3f, 0.7f, 0.3f, 0.3f)); // one second, known when it is over
    }

    [Theory]
    [InlineData(0.99, 1)]
    [InlineData(1.01, 0)]
    public void A_shorter_sound_is_no_event(double seconds, int events) =>
        Assert.Equal(
            events, Closed(Track(Plain(0.5f, 0.5f) with { MinDuration = TimeSpan.FromSeconds(seconds) }, 0.3f, 0.7f, 0.3f, 0.3f)).Length);

    [Fact]
    public void A_sound_that_is_back_soon_goes_on()
    {
        // Off at 2 s, back at 4 s.
        float[] scores = [0.3f, 0.7f, 0.3f, 0.3f, 0.7f, 0.3f, 0.3f, 0.3f, 0.3f];
        var split = Plain(0.5f, 0.5f) with { MergeGap = TimeSpan.FromSeconds(1.9) };
        var joined = split with { MergeGap = TimeSpan.FromSeconds(2.1) };
        Assert.Equal([(1.0, 2.0), (4.0, 5.0)], Times(Track(split, scores)));
        Assert.Equal([(1.0, 5.0)], Times(Track(joined, scores)));
        // It is over when the next chunk can no longer be back in time: 7.5 - 5 > 2.1.
        Assert.Equal(["1 Opened", "7 Closed"], Reported(joined, scores));
        Assert.Equal(0.7f, Closed(Track(joined, scores)).Single().Mean, 1e-6f); // pauses do not count
    }

    [Fact]
    public void A_pause_counts_in_the_length_that_makes_an_event()
    {
        var rule = Plain(0.5f, 0.5f) with { MinDuration = TimeSpan.FromSeconds(2.4), MergeGap = TimeSpan.FromSeconds(2.1) };
        Assert.Equal(["4 Opened"], Reported(rule, 0.3f, 0.7f, 0.3f, 0.3f, 0.7f, 0.3f));
        Assert.Equal([(1.0, 5.0)], Times(Track(rule, 0.3f, 0.7f, 0.3f, 0.3f, 0.7f, 0.3f)));
    }

    [Fact]
    public void A_stream_may_begin_and_end_in_the_middle_of_a_sound()
    {
        Assert.Equal([(0.0, 2.0)], Times(Track(Plain(0.5f, 0.5f), 0.9f, 0.9f)));
        var (tracker, changes) = (new SoundEventTracker(new EventRules(Plain(0.5f, 0.5f)), 1), new List<EventChange>());
        Add(tracker, Chunks(0.9f, 0.9f), changes);
        tracker.Complete(2.25, changes);
        tracker.Complete(3, changes); // nothing is left
        Assert.Equal([(0.0, 2.25)], Times(changes));
    }

    [Fact]
    public void An_end_in_a_pause_does_not_prolong_the_sound() =>
        Assert.Equal([(1.0, 2.0)], Times(Track(Plain(0.5f, 0.5f) with { MergeGap = TimeSpan.FromMinutes(1) }, 0.3f, 0.7f, 0.3f, 0.3f)));

    [Fact]
    public void The_end_can_make_the_event_certain()
    {
        // Half a second is certain before.
        var changes = Track(Plain(0.5f, 0.5f) with { MinDuration = TimeSpan.FromSeconds(0.75) }, 0.3f, 0.7f);
        Assert.Equal([EventChangeKind.Opened, EventChangeKind.Closed], changes.Select(change => change.Kind));
        Assert.Equal((1.0, 2.0, "0-1"), (changes[1].OnsetSeconds, changes[1].OffsetSeconds, changes[1].Id));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_gap_ends_what_is_open_and_nothing_goes_on_behind_it(bool reported)
    {
        var rule = Plain(0.5f, 0.5f) with { MergeGap = TimeSpan.FromMinutes(1) };
        var (tracker, changes) = (new SoundEventTracker(new EventRules(rule), 1), new List<EventChange>());
        Add(tracker, Chunks(0.3f, 0.7f), changes);
        if (reported)
        {
            tracker.Break(changes);
        }
        Add(tracker, [Chunk(5, 0.7f), Chunk(6, 0.3f)], changes);
        tracker.Complete(7, changes);
        Assert.Equal([(1.0, 2.0), (5.0, 6.0)], Times(changes)); // not interpolated with the chunk before the gap
        Assert.Equal(["0-1", "0-5"], Closed(changes).Select(change => change.Id));
    }

    [Fact]
    public void Labels_do_not_mix_and_have_rules_of_their_own()
    {
        var rules = new EventRules(Plain(0.5f, 0.5f), new Dictionary<int, EventRule> { [2] = Plain(0.8f, 0.5f) });
        var changes = Track(
            rules, [Chunk(0, 0.3f, 0.3f, 0.3f), Chunk(1, 0.7f, 0.3f, 0.7f), Chunk(2, 0.3f, 0.7f, 0.7f), Chunk(3, 0.3f, 0.3f, 0.3f)]);
        Assert.Equal(["Opened 0-1", "Closed 0-1", "Opened 1-2", "Closed 1-2"], changes.Select(change => $"{change.Kind} {change.Id}"));
        Assert.Equal([(1.0, 2.0), (2.0, 3.0)], Times(changes));
    }

    [Fact]
    public void A_score_that_is_no_number_is_below_every_threshold()
    {
        Assert.Empty(Track(new EventRule { On = 0, MinDuration = TimeSpan.Zero }, float.NaN, float.NaN));
        var changes = Track(Plain(0.5f, 0.5f), float.NaN, 0.99f, float.NaN); // as 0: half-way between 0.01 and 0.99
        Assert.Equal([(1.0, 2.0)], Times(changes));
        Assert.Equal(0.99f, Closed(changes).Single().Mean);
    }

    [Fact]
    public void How_silent_silence_was_does_not_move_the_times() =>
        Assert.Equal(Times(Track(Plain(0.5f, 0.5f), 0.01f, 0.99f, 0.01f)), Times(Track(Plain(0.5f, 0.5f), 1e-30f, 1f, 0f)));

    [Fact]
    public void A_chunk_that_only_touches_a_single_threshold_has_no_length_and_is_no_event() =>
        Assert.Empty(Track(Plain(0.5f, 0.5f), 0.3f, 0.5f, 0.3f));

    [Fact]
    public void A_long_event_is_told_again_at_a_bounded_rate()
    {
        var rules = new EventRules(Plain(0.5f, 0.5f), updateEvery: TimeSpan.FromSeconds(4));
        float[] rising = [0.6f, 0.62f, 0.64f, 0.66f, 0.68f, 0.7f, 0.72f, 0.74f, 0.76f, 0.78f];
        var changes = Track(rules, Chunks(rising));
        Assert.Equal(
            [(EventChangeKind.Opened, 0.5), (EventChangeKind.Updated, 4.5), (EventChangeKind.Updated, 8.5), (EventChangeKind.Closed, 10)],
            changes.Select(change => (change.Kind, change.OffsetSeconds)));
        Assert.Equal([0.6f, 0.68f, 0.76f, 0.78f], changes.Select(change => change.Peak));
        Assert.Single(changes.Select(change => (change.Id, change.OnsetSeconds)).Distinct());
    }

    [Fact]
    public void Chunks_that_do_not_fit_are_refused_and_change_nothing()
    {
        var (tracker, changes) = (new SoundEventTracker(new EventRules(Plain(0.5f, 0.5f)), 1), new List<EventChange>());
        Add(tracker, Chunks(0.3f, 0.7f), changes);
        var before = Save(tracker);
        Assert.Contains("at least 2", Assert.Throws<ArgumentException>(() => tracker.Add(Chunk(1, 0.9f), changes)).Message);
        Assert.Contains(
            "2 scores; it must have 1", Assert.Throws<ArgumentException>(() => tracker.Add(Chunk(2, 0.9f, 0.9f), changes)).Message);
        Assert.Equal(before, Save(tracker));
        Assert.Single(changes);
    }

    [Fact]
    public void Chunks_that_change_nothing_allocate_nothing()
    {
        var rules = new EventRules(new EventRule(), new Dictionary<int, EventRule> { [3] = new() { On = 0.9f } });
        var (tracker, changes) = (new SoundEventTracker(rules, 527), new List<EventChange>());
        var random = new Random(1);
        float[] Scores() => [.. Enumerable.Range(0, 527).Select(label => label == 3 ? 0.8f : 0.38f * random.NextSingle())];
        ChunkScores[] chunks = [.. Enumerable.Range(0, 300).Select(i => Chunk(i, Scores()))];
        Add(tracker, chunks[..100], changes);
        Assert.Equal(0, Allocations.Fewest(window =>
        {
            foreach (var chunk in chunks.AsSpan(100 + 40 * window, 40))
            {
                tracker.Add(chunk, changes);
            }
        }));
        Assert.Empty(changes);
    }

    private static (double, double)[] Times(IEnumerable<EventChange> changes) =>
        [.. Closed(changes).Select(change => (Math.Round(change.OnsetSeconds, 5), Math.Round(change.OffsetSeconds, 5)))];
}
