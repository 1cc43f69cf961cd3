using CsCheck;
using Dass.Grid.Engine.Model;
using Dass.Grid.Evaluation.Metrics;
using Dass.Grid.Evaluation.Tags;

namespace Dass.Grid.Engine.Tests.Evaluation;

public sealed class TagBootstrapTests
{
    /// <summary>Few different scores, so that many are equal.</summary>
    private static readonly Gen<(float Score, bool Positive, int Times)[]> Recordings =
        Gen.Select(Gen.Int[0, 5], Gen.Bool, Gen.Int[0, 3], (score, positive, times) => (score / 5f, positive, times)).Array[1, 20];

    [Fact]
    public void A_recording_that_counts_twice_is_two_recordings() => Recordings.Sample(recordings =>
    {
        var repeated = recordings.SelectMany(one => Enumerable.Repeat((one.Score, one.Positive), one.Times)).ToArray();
        float[] scores = [.. repeated.Select(one => one.Score)];
        bool[] positive = [.. repeated.Select(one => one.Positive)];
        var column = new RankedColumn([.. recordings.Select(one => one.Score)], [.. recordings.Select(one => one.Positive)]);
        var (precision, area) = column.Score([.. recordings.Select(one => one.Times)]);
        Assert.Equal(Ranking.AveragePrecision(scores, positive), precision, 1e-9);
        Assert.Equal(Ranking.Auc(scores, positive), area, 1e-9);
    });

    [Fact]
    public void Intervals_hold_the_figures_and_are_a_function_of_the_seed()
    {
        var (one, again, other) = (Report(1, 60), Report(1, 60), Report(2, 60));
        Assert.Equal(one.Intervals, again.Intervals);
        Assert.NotEqual(one.Intervals, other.Intervals);
        foreach (var (figure, interval) in ((double, Interval)[])[
            (one.Map, one.Intervals!.Map), (one.Auc, one.Intervals.Auc), (one.LwLrap, one.Intervals.LwLrap),
            (one.Top1, one.Intervals.Top1)])
        {
            Assert.InRange(figure, interval.Low, interval.High);
            Assert.InRange(interval.High - interval.Low, 0.01, 0.5);
        }
        Assert.Null(Report(1, 60, resamples: 0).Intervals);
    }

    [Fact]
    public void More_recordings_narrow_the_intervals()
    {
        double Width(int recordings) => Report(1, recordings).Intervals!.Auc is var interval ? interval.High - interval.Low : 0;
        Assert.True(Width(960) < 0.6 * Width(60), $"{Width(60)} and {Width(960)}");
    }

    /// <summary>Three labels in turn, whose scores are a little higher where they are true.</summary>
    private static TagReport Report(int seed, int recordings, int resamples = 1_000)
    {
        var random = new Random(7);
        var labels = new LabelSet([new Label(0, "a", "A"), new Label(1, "b", "B"), new Label(2, "c", "C")]);
        float[][] scores =
        [
            .. Enumerable.Range(0, recordings)
                .Select(i => Enumerable.Range(0, 3).Select(label => random.NextSingle() + (i % 3 == label ? 0.3f : 0)).ToArray()),
        ];
        IReadOnlySet<int>[] truth = [.. Enumerable.Range(0, recordings).Select(i => new HashSet<int> { i % 3 })];
        return TagReport.From(scores, truth, labels, resamples, seed);
    }
}
