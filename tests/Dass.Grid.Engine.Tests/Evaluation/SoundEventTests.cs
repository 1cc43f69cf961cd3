using Dass.Grid.Engine.Events;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Evaluation;
using Dass.Grid.Evaluation.Events;
using Dass.Grid.Evaluation.Metrics;

namespace Dass.Grid.Engine.Tests.Evaluation;

public sealed class SoundEventTests
{
    [Theory]
    [InlineData(1.15, 2.15, 1)] // both within the collar
    [InlineData(0.75, 2.00, 0)] // onset 250 ms early
    [InlineData(1.00, 2.25, 0)] // offset 250 ms late, a fifth of the length is 200 ms
    public void An_event_is_found_when_onset_and_offset_are_near(double onset, double offset, double f1) =>
        Assert.Equal(f1, EventF1.Score([new(0, 3, 1, 2)], [new(0, 3, onset, offset)]).Macro, 1e-12);

    [Fact]
    public void A_long_event_may_end_a_fifth_of_its_length_off() =>
        Assert.Equal(1, EventF1.Score([new(0, 3, 10, 20)], [new(0, 3, 10.1, 21.9)]).Macro, 1e-12);

    [Fact]
    public void Detections_are_shared_out_so_that_most_events_are_found()
    {
        // The first detection fits both events, the second only the first event.
        SoundEvent[] truth = [new(0, 0, 1.0, 2.0), new(0, 0, 1.3, 2.3)], found = [new(0, 0, 1.15, 2.15), new(0, 0, 1.05, 2.05)];
        Assert.Equal(1, EventF1.Score(truth, found).Macro, 1e-12);
    }

    [Fact]
    public void Files_and_labels_do_not_mix()
    {
        Assert.Equal(0, EventF1.Score([new(0, 0, 1, 2)], [new(1, 0, 1, 2)]).Macro, 1e-12);
        var (macro, byLabel) = EventF1.Score([new(0, 0, 1, 2), new(0, 1, 1, 2)], [new(0, 0, 1, 2), new(0, 2, 5, 6)]);
        Assert.Equal([1, 0, 0], byLabel.OrderBy(entry => entry.Key).Select(entry => entry.Value));
        Assert.Equal(1.0 / 3, macro, 1e-12);
    }

    [Fact]
    public void Detection_score_is_the_area_under_the_staircase()
    {
        // Threshold one finds one of two events without a mistake, threshold two both with fifty mistakes in the hour:
        // 50 · 1/2 + 50 · 1 of 100.
        SoundEvent[] truth = [new(0, 0, 100, 110), new(0, 0, 200, 210)];
        SoundEvent[] careful = [new(0, 0, 100, 110)];
        SoundEvent[] bold = [.. truth, .. Enumerable.Range(0, 50).Select(i => new SoundEvent(0, 0, 1000 + 10 * i, 1001 + 10 * i))];
        Assert.Equal(0.75, Psds.Score(truth, [careful, bold], hours: 1, PsdsScenario.One), 1e-12);
    }

    [Fact]
    public void Scenario_one_demands_most_of_the_event_and_scenario_two_little()
    {
        SoundEvent[] truth = [new(0, 0, 100, 110)], half = [new(0, 0, 100, 105)], wide = [new(0, 0, 95, 115)];
        Assert.Equal(0, Psds.Score(truth, [half], 1, PsdsScenario.One), 1e-12);
        Assert.Equal(1, Psds.Score(truth, [half], 1, PsdsScenario.Two), 1e-12);
        Assert.Equal(0, Psds.Score(truth, [wide], 1, PsdsScenario.One), 1e-12); // half of the detection lies outside
        Assert.Equal(1, Psds.Score(truth, [wide], 1, PsdsScenario.Two), 1e-12);
    }

    [Fact]
    public void Confusing_two_labels_costs_more_than_a_mistake_in_silence()
    {
        // A also claims B's only event, 36 s: 1 mistake an hour + 0.5 · 1 cross-trigger per 0.01 h = 51. Below that A has no rate and B has
        // 1: mean 0.5, deviation 0.5; from 51 on both have 1.
        SoundEvent[] truth = [new(0, 0, 100, 136), new(0, 1, 200, 236)], found = [.. truth, new(0, 0, 200, 236)];
        Assert.Equal(0.49, Psds.Score(truth, [found], 1, PsdsScenario.Two), 1e-12);
    }

    [Fact]
    public void Detections_are_events_of_the_tracker()
    {
        var file = File([0.1f, 0.6f], [0.9f, 0.6f], [0.1f, 0.6f]);
        var found = EventEvaluation.Detections(file, file: 2, labels: [9, 4], new EventRule()).ToArray();
        Assert.Equal([9, 4], found.Select(detection => detection.Sound.Label));
        Assert.Equal(new SoundEvent(2, 4, 0, 3), found[1].Sound);
        Assert.All(found, detection => Assert.Equal(2, detection.Sound.File));
        // 0.75 s are certain when label 9 is over, and at the second centre of label 4.
        Assert.Equal([2, 1], found.Select(detection => detection.OpenedChunk));
    }

    [Fact]
    public void An_answer_waits_for_certainty_and_look_ahead_but_not_beyond_the_end()
    {
        var file = File([0], [0], [0], [0]) with { DurationSeconds = 3.5 };
        SoundEvent[] truth = [new(0, 0, 0.25, 1), new(0, 0, 2.5, 3.5), new(0, 0, 1.25, 1.75)]; // the last is missed
        EventEvaluation.Detection[] found = [new(new(0, 0, 0, 1), OpenedChunk: 1), new(new(0, 0, 1.9, 3.5), OpenedChunk: 1)];
        // The first is certain at 2 s. The second is open before its sound begins, whose first chunk ends at 3 s; to 3.75 there is no
        // audio.
        Assert.Equal([1.0, 2.5], EventEvaluation.Delays([file], truth, found, lookAhead: 0.75));
        Assert.Equal([0.5, 1.75], EventEvaluation.Delays([file], truth, found, lookAhead: 0));
    }

    [Fact]
    public void The_best_threshold_of_each_label_and_of_all_is_reported()
    {
        // Off is 0.8 of On, and times lie between centres. Label 3 is found from 0.54 to 0.68, label 5 from 0.68 to 0.8, label 7 only
        // elsewhere.
        var file = File([0.3f, 0.4f, 0], [0.7f, 0.4f, 0], [0.3f, 0.8f, 0.9f], [0.3f, 0.8f, 0.9f]);
        SoundEvent[] truth = [new(0, 3, 1, 2), new(0, 5, 2, 4), new(0, 7, 0, 1)];
        var reports = EventEvaluation.Report([file], truth, [3, 5, 7], [0.6f, 0.68f], lookAhead: 0, AudioSetLabels.All);
        Assert.Equal([1.0 / 3, 2.0 / 3], reports.Rows.Select(row => row.F1));
        Assert.Equal([2.0 / 3, 2.0 / 3], reports.Rows.Select(row => row.Detected));
        Assert.Equal([900.0, 900.0], reports.Rows.Select(row => row.FalsePerHour)); // one in four seconds
        Assert.Equal([3, 5, 7], reports.BestByLabel.Select(best => best.Label.Index));
        Assert.Equal([new(0.54f, 1), new(0.68f, 1), new(float.NaN, 0)], reports.BestByLabel.Select(best => best.Best));
        Assert.Equal(new BestThreshold(0.68f, 2.0 / 3), reports.Best);
    }

    [Fact]
    public void The_median_of_an_even_number_of_delays_is_the_mean_of_the_two_in_the_middle()
    {
        var file = File([0], [0.9f], [0.9f], [0]); // certain at 3 s
        SoundEvent[] truth = [new(0, 3, 1, 2), new(0, 3, 1.5, 2.5)];
        var reports = EventEvaluation.Report([file], truth, [3], [0.5f], lookAhead: 0, AudioSetLabels.All);
        Assert.Equal(1.75, Assert.Single(reports.Rows).DelaySeconds, 1e-12);
    }

    /// <summary>Chunks of one second with the scores of some labels.</summary>
    private static EventEvaluation.ScoredFile File(params float[][] scores) =>
        new([.. scores.Select((score, i) => new ChunkScores(i, i, i + 1, score, []))], scores.Length);
}
