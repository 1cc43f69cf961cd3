namespace Dass.Grid.Evaluation.Metrics;

/// <summary>
/// How well scores put what is there above what is not. Scores may be of any scale, but not NaN; only their order counts.
/// </summary>
public static class Ranking
{
    /// <summary>Uninterpolated average precision, Σ (Rₙ − Rₙ₋₁) Pₙ over distinct scores, as scikit-learn computes it.</summary>
    /// <returns>0 to 1, or NaN when nothing is positive.</returns>
    /// <exception cref="ArgumentException">A score is NaN.</exception>
    public static double AveragePrecision(ReadOnlySpan<float> scores, ReadOnlySpan<bool> positive)
    {
        var (order, all) = (Descending(scores), Count(positive));
        double sum = 0;
        int hits = 0, counted = 0;
        for (var i = 0; i < order.Length; i++)
        {
            hits += positive[order[i]] ? 1 : 0;
            if (i + 1 == order.Length || scores[order[i + 1]] != scores[order[i]]) // equal scores are found together
            {
                sum += (double)(hits - counted) / all * hits / (i + 1);
                counted = hits;
            }
        }
        return all == 0 ? double.NaN : sum;
    }

    /// <summary>
    /// Area under the ROC curve: the chance that something positive scores above something negative, half of it for equal scores.
    /// </summary>
    /// <returns>0 to 1, or NaN when all are positive or none.</returns>
    /// <exception cref="ArgumentException">A score is NaN.</exception>
    public static double Auc(ReadOnlySpan<float> scores, ReadOnlySpan<bool> positive)
    {
        var (order, all) = (Descending(scores), Count(positive));
        double above = 0;
        int hits = 0, begin = 0, before = 0;
        for (var i = 0; i < order.Length; i++)
        {
            hits += positive[order[i]] ? 1 : 0;
            if (i + 1 == order.Length || scores[order[i + 1]] != scores[order[i]])
            {
                var negatives = i + 1 - begin - (hits - before);
                above += negatives * (before + (hits - before) / 2.0);
                (begin, before) = (i + 1, hits);
            }
        }
        return all == 0 || all == order.Length ? double.NaN : above / ((double)all * (order.Length - all));
    }

    /// <summary>d′ = √2 · Φ⁻¹(AUC): the distance of two unit Gaussians that would give this area.</summary>
    public static double DPrime(double auc) => Math.Sqrt(2) * NormalQuantile(auc);

    /// <summary>
    /// Label-weighted label-ranking average precision: for every file and label of it, the share of true labels among those that rank at or
    /// above it; the mean over all such pairs (DCASE 2019, task 2).
    /// </summary>
    /// <param name="scores">By file, in label order.</param>
    /// <param name="positive">By file, in label order.</param>
    /// <param name="perLabel">Receives each label's own mean; NaN for a label that no file has.</param>
    /// <returns>0 to 1, or NaN without pairs.</returns>
    /// <exception cref="ArgumentException">A score is NaN.</exception>
    public static double LwLrap(IReadOnlyList<float[]> scores, IReadOnlyList<bool[]> positive, double[] perLabel)
    {
        var counts = new int[perLabel.Length];
        Array.Clear(perLabel);
        for (var file = 0; file < scores.Count; file++)
        {
            if (Array.FindIndex(scores[file], float.IsNaN) is >= 0 and var broken)
            {
                throw NotANumber(file, broken, nameof(scores));
            }
            for (var label = 0; label < perLabel.Length; label++)
            {
                if (!positive[file][label])
                {
                    continue;
                }
                int rank = 0, hits = 0;
                for (var other = 0; other < perLabel.Length; other++)
                {
                    if (scores[file][other] >= scores[file][label])
                    {
                        rank++;
                        hits += positive[file][other] ? 1 : 0;
                    }
                }
                perLabel[label] += (double)hits / rank;
                counts[label]++;
            }
        }
        var (sum, pairs) = (perLabel.Sum(), counts.Sum());
        for (var label = 0; label < perLabel.Length; label++)
        {
            perLabel[label] /= counts[label]; // 0 / 0 is NaN
        }
        return sum / pairs;
    }

    /// <summary>Φ⁻¹, relative error below 1.2e-9 (P. J. Acklam's rational approximation).</summary>
    internal static double NormalQuantile(double p)
    {
        const double Low = 0.02425;
        if (p is <= 0 or >= 1)
        {
            return p <= 0 ? double.NegativeInfinity : double.PositiveInfinity;
        }
        if (p > 1 - Low)
        {
            return -NormalQuantile(1 - p);
        }
        if (p < Low)
        {
            var q = Math.Sqrt(-2 * Math.Log(p));
            return Polynomial(
                    q, -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838, -2.549732539343734, 4.374664141464968,
                    2.938163982698783)
                / Polynomial(q, 7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996, 3.754408661907416, 1);
        }
        var (r, x) = ((p - 0.5) * (p - 0.5), p - 0.5);
        return Polynomial(
                r, -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.3577518672690, -30.66479806614716, 2.506628277459239)
            * x
            / Polynomial(r, -54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1);
    }

    /// <summary>By Horner's scheme; the coefficient of the highest power first.</summary>
    private static double Polynomial(double x, params ReadOnlySpan<double> coefficients)
    {
        var sum = 0.0;
        foreach (var coefficient in coefficients)
        {
            sum = sum * x + coefficient;
        }
        return sum;
    }

    /// <summary>NaN has no place in an order: a sort would put it anywhere, and the figure would look like one.</summary>
    internal static ArgumentException NotANumber(int recording, int? label, string parameter) => new(
        $"The score of recording {recording}{(label is null ? "" : $", label {label}")} (counted from 0) is NaN; scores must be numbers.",
        parameter);

    private static int[] Descending(ReadOnlySpan<float> scores)
    {
        var order = new int[scores.Length];
        var keys = new float[scores.Length];
        for (var i = 0; i < order.Length; i++)
        {
            (order[i], keys[i]) = (i, float.IsNaN(scores[i]) ? throw NotANumber(i, null, nameof(scores)) : -scores[i]);
        }
        Array.Sort(keys, order);
        return order;
    }

    private static int Count(ReadOnlySpan<bool> positive) => positive.Count(true);
}
