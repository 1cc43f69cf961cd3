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
        // Threshold one finds one of two events without a mistake, threshold two both with fifty mistakes in the hour: 50 · 1/2 + 50 · 1 of 100.
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
        // A also claims B's only event, 36 s: 1 mistake an hour + 0.5 · 1 cross-trigger per 0.01 h = 51. Below that A has no rate and B has 1:
        // mean 0.5, deviation 0.5; from 51 on both have 1.
        SoundEvent[] truth = [new(0, 0, 100, 136), new(0, 1, 200, 236)], found = [.. truth, new(0, 0, 200, 236)];
        Assert.Equal(0.49, Psds.Score(truth, [found], 1, PsdsScenario.Two), 1e-12);
    }

    [Fact]
    public void Runs_of_loud_chunks_are_detections()
    {
        List<(double, double, float[])> chunks = [(0, 1, [0.6f]), (1, 2, [0.7f]), (2, 3, [0.4f]), (3, 4, [0.5f])];
        Assert.Equal([new SoundEvent(2, 9, 0, 2), new SoundEvent(2, 9, 3, 4)], EventEvaluation.Runs(chunks, column: 0, threshold: 0.5f, file: 2, label: 9));
    }
}
