using CsCheck;
using Dass.Grid.Engine.Events;
using Dass.Grid.Engine.Tags;
using static Dass.Grid.Engine.Tests.Events.TrackerRun;

namespace Dass.Grid.Engine.Tests.Events;

/// <summary>What holds for any scores and any rules.</summary>
public sealed class SoundEventTrackerLaws
{
    private const int Labels = 3;

    // Few distinct scores: they often equal a threshold, and stay on one side for some chunks.
    private static readonly Gen<float> Score = Gen.Frequency(
        (6, Gen.Int[0, 10].Select(tenth => tenth / 10f)), (3, Gen.Float[0, 1]), (1, Gen.Const(float.NaN)));

    private static readonly Gen<EventRule> Rule =
        from high in Gen.Int[0, 10]
        from share in Gen.Frequency((1, Gen.Const(1f)), (3, Gen.Float[0, 1]))
        from min in Gen.OneOf(Gen.Const(0.0), Gen.Double[0, 4])
        from gap in Gen.OneOf(Gen.Const(0.0), Gen.Double[0, 4])
        select new EventRule
        {
            On = high / 10f, Off = share * high / 10f, MinDuration = TimeSpan.FromSeconds(min), MergeGap = TimeSpan.FromSeconds(gap),
        };

    private static readonly Gen<EventRules> Rules =
        Gen.Select(Rule, Rule, Gen.Double[1, 20], (all, own, every) =>
            new EventRules(all, new Dictionary<int, EventRule> { [1] = own }, TimeSpan.FromSeconds(every)));

    /// <summary>Chunks of 0.96 s; the last is shorter, and some are missing.</summary>
    private static readonly Gen<ChunkScores[]> Stream =
        from scores in Score.Array[Labels].Array[1, 60]
        from missing in Gen.Frequency((3, Gen.Const(Array.Empty<int>())), (1, Gen.Int[0, 60].Array[1, 4]))
        let chunks = scores
            .Select((score, i) => new ChunkScores(i, 0.96 * i, 0.96 * i + (i == scores.Length - 1 ? 0.4 : 0.96), score, []))
            .ToArray()
        let received = chunks.Where(chunk => !missing.Contains((int)chunk.Index)).ToArray()
        select received.Length > 0 ? received : chunks;

    [Fact]
    public void Every_event_is_opened_once_and_closed_once_and_is_longer_than_it_must_be() =>
        Gen.Select(Rules, Stream).Sample((rules, chunks) =>
        {
            foreach (var story in Track(rules, chunks).GroupBy(change => change.Id))
            {
                var reported = story.ToArray();
                Assert.True(reported.Length >= 2);
                Assert.Equal(EventChangeKind.Opened, reported[0].Kind);
                Assert.Equal(EventChangeKind.Closed, reported[^1].Kind);
                Assert.All(reported[1..^1], change => Assert.Equal(EventChangeKind.Updated, change.Kind));
                Assert.Single(reported.Select(change => (change.Label, change.OpenedChunk, change.OnsetSeconds)).Distinct());
                Assert.All(
                    reported,
                    change => Assert.True(change.OnsetSeconds < change.OffsetSeconds && change.OnsetSeconds >= chunks[0].StartSeconds));
                Assert.Equal(reported.OrderBy(change => change.OffsetSeconds).ThenBy(change => change.Peak), reported);
                var (end, rule) = (reported[^1], rules[reported[0].Label]);
                Assert.True(
                    end.OffsetSeconds - end.OnsetSeconds >= rule.MinDuration.TotalSeconds && end.OffsetSeconds <= chunks[^1].EndSeconds);
                Assert.True(end.Peak >= rule.On && end.Mean >= rule.Off - 1e-6f && end.Mean <= end.Peak + 1e-6f);
                Assert.InRange(end.PeakSeconds, end.OnsetSeconds - 1e-9, end.OffsetSeconds + 1e-9);
            }
        });

    [Fact]
    public void Events_of_a_label_are_further_apart_than_a_pause() =>
        Gen.Select(Rules, Score.Array[Labels].Array[1, 60]).Sample((rules, scores) =>
        {
            var events = Closed(Track(rules, [.. scores.Select((score, i) => Chunk(i, score))]));
            foreach (var (label, earlier, later) in Neighbours(events))
            {
                Assert.True(later.OnsetSeconds - earlier.OffsetSeconds > rules[label].MergeGap.TotalSeconds);
            }
        });

    [Fact]
    public void Events_of_a_label_do_not_overlap_where_chunks_are_missing() =>
        Gen.Select(Rules, Stream).Sample((rules, chunks) =>
        {
            foreach (var (_, earlier, later) in Neighbours(Closed(Track(rules, chunks))))
            {
                Assert.True(later.OnsetSeconds >= earlier.OffsetSeconds);
            }
        });

    [Fact]
    public void A_replay_repeats_every_change() =>
        Gen.Select(Rules, Stream).Sample((rules, chunks) => Assert.Equal(Track(rules, chunks), Track(rules, chunks)));

    [Fact]
    public void Saved_and_restored_at_any_chunk_equals_uninterrupted_to_the_bit() =>
        Gen.Select(Rules, Stream, Gen.Int[0, 60], Gen.Bool).Sample((rules, chunks, at, gap) =>
        {
            at = Math.Min(at, chunks.Length);
            var (whole, changes, expected) = (new SoundEventTracker(rules, Labels), new List<EventChange>(), new List<EventChange>());
            Add(whole, chunks[..at], changes);
            if (gap)
            {
                whole.Break(changes);
            }
            var snapshot = Save(whole);
            var restored = Restore(snapshot, rules, Labels);
            Assert.Equal(snapshot, Save(restored));
            changes.Clear();
            foreach (var (tracker, reported) in new[] { (whole, expected), (restored, changes) })
            {
                Add(tracker, chunks[at..], reported);
                tracker.Complete(100, reported);
            }
            Assert.Equal(expected, changes);
        });

    [Fact]
    public void Raising_On_never_adds_heard_time() =>
        Gen.Select(Rule, Score.Array[1].Array[1, 60], Gen.Float[0, 1]).Sample((rule, scores, by) =>
        {
            var raised = rule with { On = rule.On + by * (1 - rule.On), Off = rule.Off };
            ChunkScores[] chunks = [.. scores.Select((score, i) => Chunk(i, score))];
            AssertWithin(Closed(Track(new EventRules(rule), chunks)), Closed(Track(new EventRules(raised), chunks)));
        });

    [Fact]
    public void Raising_both_thresholds_never_adds_heard_time() =>
        Gen.Select(Gen.Float[0, 1], Gen.Float[0, 1], Score.Array[1].Array[1, 60]).Sample((one, other, scores) =>
        {
            ChunkScores[] chunks = [.. scores.Select((score, i) => Chunk(i, score))];
            AssertWithin(
                Closed(Track(new EventRules(new EventRule { On = Math.Min(one, other) }), chunks)),
                Closed(Track(new EventRules(new EventRule { On = Math.Max(one, other) }), chunks)));
        });

    [Fact]
    public void Sounds_at_known_times_are_found_there() =>
        Gen.Select(
            Gen.Double[3, 20], Gen.Double[2, 8], Gen.Float[0.05f, 0.3f], Gen.Float[0.8f, 0.95f]).Sample((onset, length, quiet, loud) =>
        {
            // As the model scores: a chunk's logit is the mean over its time.
            var (low, high) = (Logit(quiet), Logit(loud));
            var chunks = Enumerable.Range(0, 40).Select(i =>
            {
                var part = Math.Max(0, Math.Min(i + 1, onset + length) - Math.Max(i, onset));
                return Chunk(i, Sigmoid(low + part * (high - low)));
            }).ToArray();
            // An onset that leaves the share p of its chunk loud is found f / p + p - 1.5 late, f being the height of Off between quiet and
            // loud, or by the mirrored term when p < f: the extremes are at p = √f and 1 - p = √(1 - f). Half-way, nothing is further off
            // than 1.5 - √2 of a chunk.
            double Furthest(float off)
            {
                var height = (Logit(off) - low) / (high - low);
                return 1.5 - 2 * Math.Sqrt(Math.Min(height, 1 - height)) + 1e-4; // scores are of single precision
            }
            var half = Sigmoid((low + high) / 2);
            AssertNear(new EventRule(), chunks, onset, length, Furthest(new EventRule().Off));
            AssertNear(new EventRule { On = half, Off = half }, chunks, onset, length, Furthest(half));
        });

    private static void AssertNear(EventRule rule, ChunkScores[] chunks, double onset, double length, double error)
    {
        var found = Assert.Single(Closed(Track(new EventRules(rule), chunks)));
        Assert.InRange(found.OnsetSeconds, onset - error, onset + error);
        Assert.InRange(found.OffsetSeconds, onset + length - error, onset + length + error);
    }

    private static double Logit(double score) => Math.Log(score / (1 - score));

    private static float Sigmoid(double logit) => (float)(1 / (1 + Math.Exp(-logit)));

    private static void AssertWithin(EventChange[] outer, EventChange[] inner) =>
        Assert.All(
            inner,
            one => Assert.Contains(outer, other => other.OnsetSeconds <= one.OnsetSeconds && other.OffsetSeconds >= one.OffsetSeconds));

    private static IEnumerable<(int Label, EventChange Earlier, EventChange Later)> Neighbours(EventChange[] events) =>
        events.GroupBy(change => change.Label)
            .SelectMany(label => label.Zip(label.Skip(1), (earlier, later) => (label.Key, earlier, later)));
}
