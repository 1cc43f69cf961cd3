using Dass.Grid.Engine.Model;
using Dass.Grid.Evaluation.Metrics;
using Dass.Grid.Evaluation.Tags;

namespace Dass.Grid.Engine.Tests.Evaluation;

public sealed class RankingTests
{
    // The data of scikit-learn's documentation of average_precision_score and roc_auc_score.
    private static readonly bool[] Positive = [false, false, true, true];
    private static readonly float[] Scores = [0.1f, 0.4f, 0.35f, 0.8f];

    [Fact]
    public void Average_precision_and_area_are_those_of_the_published_examples()
    {
        Assert.Equal(0.8333333, Ranking.AveragePrecision(Scores, Positive), 1e-6);
        Assert.Equal(0.75, Ranking.Auc(Scores, Positive), 1e-12);
    }

    [Fact]
    public void Mean_average_precision_is_that_of_the_published_example()
    {
        // The multiclass data of scikit-learn's documentation of average_precision_score, which prints 0.77: (5/6 + 3/4 + 3/4) / 3.
        int[] classes = [0, 0, 1, 1, 2, 2];
        float[][] scores = [
            [0.7f, 0.2f, 0.1f], [0.4f, 0.3f, 0.3f], [0.1f, 0.8f, 0.1f], [0.2f, 0.3f, 0.5f], [0.4f, 0.4f, 0.2f], [0.1f, 0.2f, 0.7f],
        ];
        var macro = Enumerable.Range(0, 3).Average(label =>
            Ranking.AveragePrecision([.. scores.Select(row => row[label])], [.. classes.Select(wanted => wanted == label)]));
        Assert.Equal(7.0 / 9, macro, 1e-12);
    }

    [Fact]
    public void Scores_that_are_no_numbers_are_refused()
    {
        Func<object>[] metrics =
        [
            () => Ranking.AveragePrecision([1, float.NaN], [true, false]),
            () => Ranking.Auc([1, float.NaN], [true, false]),
        ];
        foreach (var metric in metrics)
        {
            Assert.Contains("score of recording 1 (counted from 0) is NaN", Assert.Throws<ArgumentException>(metric).Message);
        }
        var lrap = Assert.Throws<ArgumentException>(
            () => Ranking.LwLrap([[1, 2], [float.NaN, 2]], [[true, false], [false, true]], new double[2]));
        Assert.Contains("recording 1, label 0 (counted from 0) is NaN", lrap.Message);

        // Of all labels, not of those that occur alone: a model that gives NaN is broken.
        var scores = new float[2][];
        Array.Fill(scores, new float[527]);
        scores[1] = [.. scores[1]];
        scores[1][10] = float.NaN;
        var report = Assert.Throws<ArgumentException>(
            () => TagReport.From(scores, [new HashSet<int> { 0 }, new HashSet<int> { 1 }], AudioSetLabels.All));
        Assert.Contains("recording 1, label 10 (counted from 0) is NaN", report.Message);
        scores[1] = [];
        report = Assert.Throws<ArgumentException>(
            () => TagReport.From(scores, [new HashSet<int> { 0 }, new HashSet<int> { 1 }], AudioSetLabels.All));
        Assert.Contains("Recording 1 has 0 scores; it must have one for each of 527 labels", report.Message);
    }

    [Fact]
    public void A_recording_of_no_known_sound_counts_against_labels_and_not_in_top_1()
    {
        var scores = new float[2][];
        for (var i = 0; i < 2; i++)
        {
            scores[i] = new float[527];
            scores[i][0] = i == 0 ? 0.5f : 0.9f; // the second hears what is not there
        }
        var report = TagReport.From(scores, [new HashSet<int> { 0 }, new HashSet<int>()], AudioSetLabels.All);
        Assert.Equal(1, report.Top1);
        Assert.Equal(0.5, report.Map);
        Assert.Equal(0, report.Auc);
    }

    [Fact]
    public void Equal_scores_count_together()
    {
        // All four at one rank: precision there is the share of positives, and the order means nothing.
        Assert.Equal(0.5, Ranking.AveragePrecision([1, 1, 1, 1], Positive), 1e-12);
        Assert.Equal(0.5, Ranking.Auc([1, 1, 1, 1], Positive), 1e-12);
        // One positive above, one level with a negative: 1/2 · 1 + 1/2 · 2/3, and of four pairs three and a half are right.
        Assert.Equal(0.5 + 0.5 * 2 / 3, Ranking.AveragePrecision([0.1f, 0.5f, 0.5f, 0.8f], Positive), 1e-12);
        Assert.Equal(0.875, Ranking.Auc([0.1f, 0.5f, 0.5f, 0.8f], Positive), 1e-12);
    }

    [Fact]
    public void Nothing_to_rank_is_not_a_number()
    {
        Assert.Equal(double.NaN, Ranking.AveragePrecision([1, 2], [false, false]));
        Assert.Equal(double.NaN, Ranking.Auc([1, 2], [false, false]));
        Assert.Equal(double.NaN, Ranking.Auc([1, 2], [true, true]));
    }

    [Fact]
    public void D_prime_follows_the_normal_quantile()
    {
        Assert.Equal(1.959963984540054, Ranking.NormalQuantile(0.975), 1e-8);
        Assert.Equal(-2.326347874040841, Ranking.NormalQuantile(0.01), 1e-8);
        Assert.Equal(0, Ranking.DPrime(0.5), 1e-12);
        Assert.Equal(2.864, Ranking.DPrime(0.9786), 2e-3); // AST's published pair of mean AUC and d-prime
    }

    [Fact]
    public void Label_ranking_is_that_of_the_published_example()
    {
        // label_ranking_average_precision_score; with one label per file the weighted version is the same.
        var perLabel = new double[3];
        var overall = Ranking.LwLrap([[0.75f, 0.5f, 1], [1, 0.2f, 0.1f]], [[true, false, false], [false, false, true]], perLabel);
        Assert.Equal(0.41666666, overall, 1e-6);
        Assert.Equal([0.5, double.NaN, 1.0 / 3], perLabel);
    }

    [Fact]
    public void Label_ranking_weighs_files_by_their_labels()
    {
        // The first file's two labels rank 1 and 2: both precise. The second file's one label ranks last of three: 1/3.
        // Of three pairs: (1 + 1 + 1/3) / 3.
        var overall = Ranking.LwLrap([[3, 2, 1], [3, 2, 1]], [[true, true, false], [false, false, true]], new double[3]);
        Assert.Equal(7.0 / 9, overall, 1e-12);
    }

    [Fact]
    public void A_report_looks_at_the_labels_that_occur_and_no_others()
    {
        var scores = new float[2][];
        for (var i = 0; i < 2; i++)
        {
            scores[i] = new float[527];
            scores[i][500] = 0.99f; // the highest, but in no file
            (scores[i][0], scores[i][10]) = i == 0 ? (0.9f, 0.1f) : (0.3f, 0.2f);
        }
        var report = TagReport.From(scores, [new HashSet<int> { 0 }, new HashSet<int> { 10 }], AudioSetLabels.All);
        Assert.Equal([0, 10], report.Labels.Select(label => label.Label.Index));
        Assert.Equal(1, report.Map, 1e-12);
        Assert.Equal(1, report.Auc, 1e-12);
        Assert.Equal(0.5, report.Top1, 1e-12);
        Assert.Equal(0.75, report.LwLrap, 1e-12);
    }
}
