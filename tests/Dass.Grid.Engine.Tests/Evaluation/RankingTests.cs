using Dass.Grid.Engine.Tags;
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
    public void Equal_scores_count_together()
    {
        // All four at one rank: precision there is the share of positives, and the order says nothing.
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
        // The first file's two labels rank 1 and 2: both precise. The second file's one label ranks last of three: 1/3. Of three pairs: (1 + 1 + 1/3) / 3.
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
        var report = TagReport.Of(scores, [new HashSet<int> { 0 }, new HashSet<int> { 10 }], AudioSetLabels.All);
        Assert.Equal([0, 10], report.Labels.Select(label => label.Label.Index));
        Assert.Equal(1, report.Map, 1e-12);
        Assert.Equal(1, report.Auc, 1e-12);
        Assert.Equal(0.5, report.Top1, 1e-12);
        Assert.Equal(0.75, report.LwLrap, 1e-12);
    }
}
