using Dass.Grid.Evaluation.Metrics;

namespace Dass.Grid.Evaluation.Tags;

/// <summary>Where a figure lies when other recordings of the same kind are drawn: the middle 95 % of the resamples.</summary>
public readonly record struct Interval(double Low, double High);

/// <summary>The intervals of a report's figures.</summary>
public sealed record TagIntervals(Interval Map, Interval Auc, Interval LwLrap, Interval Top1);

/// <summary>
/// Resamples recordings with replacement (B. Efron, Bootstrap Methods, 1979). A recording that is drawn twice counts twice, so each
/// figure is one pass over scores that are sorted once. A label that a resample does not have is left out of its means.
/// </summary>
internal static class TagBootstrap
{
    /// <param name="scores">By recording, of the labels that occur.</param>
    /// <param name="positive">By recording, of the same labels.</param>
    /// <param name="resamples">How many, 1 or more.</param>
    /// <param name="seed">Equal seeds draw equally.</param>
    public static TagIntervals Run(IReadOnlyList<float[]> scores, IReadOnlyList<bool[]> positive, int resamples, int seed)
    {
        var columns = Enumerable.Range(0, scores[0].Length)
            .Select(label => new RankedColumn([.. scores.Select(row => row[label])], [.. positive.Select(row => row[label])]))
            .ToArray();
        var lrap = scores.Select((row, file) => Ranking.LwLrap([row], [positive[file]], new double[row.Length])).ToArray();
        var labels = positive.Select(row => row.Count(yes => yes)).ToArray();
        var top1 = scores.Select((row, file) => positive[file][Array.IndexOf(row, row.Max())] ? 1 : 0).ToArray();

        var (random, times) = (new Random(seed), new int[scores.Count]);
        var (map, auc, lwlrap, first) =
            (new double[resamples], new double[resamples], new double[resamples], new double[resamples]);
        for (var resample = 0; resample < resamples; resample++)
        {
            Array.Clear(times);
            for (var i = 0; i < times.Length; i++)
            {
                times[random.Next(times.Length)]++;
            }
            (map[resample], auc[resample]) = Means(columns, times);
            double sum = 0, pairs = 0, hits = 0, labelled = 0;
            for (var file = 0; file < times.Length; file++)
            {
                if (labels[file] > 0)
                {
                    sum += times[file] * labels[file] * lrap[file];
                    pairs += times[file] * labels[file];
                    hits += times[file] * top1[file];
                    labelled += times[file];
                }
            }
            (lwlrap[resample], first[resample]) = (sum / pairs, hits / labelled);
        }
        return new TagIntervals(Middle(map), Middle(auc), Middle(lwlrap), Middle(first));
    }

    private static (double Map, double Auc) Means(RankedColumn[] columns, int[] times)
    {
        double precisions = 0, areas = 0;
        int ranked = 0, split = 0;
        foreach (var column in columns)
        {
            var (precision, area) = column.Score(times);
            if (double.IsFinite(precision))
            {
                precisions += precision;
                ranked++;
            }
            if (double.IsFinite(area))
            {
                areas += area;
                split++;
            }
        }
        return (precisions / ranked, areas / split);
    }

    /// <summary>NaN on both sides: no resample has the figure.</summary>
    private static Interval Middle(double[] figures)
    {
        double[] order = [.. figures.Where(double.IsFinite).Order()];
        double At(double share) => order.Length == 0 ? double.NaN : order[(int)Math.Round(share * (order.Length - 1))];
        return new Interval(At(0.025), At(0.975));
    }
}
