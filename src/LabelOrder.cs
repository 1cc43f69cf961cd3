namespace Dass.Grid;

/// <summary>
/// The order in which people see labels. Linked into every project that shows them, so that none must reference another for it.
/// </summary>
internal static class LabelOrder
{
    /// <summary>Score from which a label counts as heard.</summary>
    private const float High = 0.5f;

    /// <summary>
    /// The highest scores, descending; equal ones in the given order. But a label that is heard stands behind those of its kinds that are
    /// heard, too: Dog before Animal, whichever is higher.
    /// </summary>
    /// <remarks>
    /// Each view of each chunk asks for it: what it allocates grows with what is shown and heard, not with the labels.
    /// </remarks>
    /// <param name="labels">Indices of the labels that may be shown.</param>
    /// <param name="scores">By label.</param>
    /// <param name="least">Labels of lower scores are left out.</param>
    /// <param name="top">Labels at most.</param>
    /// <param name="ancestors">Indices of all labels that a label is a kind of.</param>
    public static int[] Take(ReadOnlySpan<int> labels, ReadOnlySpan<float> scores, float least, int top, Func<int, int[]> ancestors)
    {
        if (top == 0)
        {
            return [];
        }
        var high = Math.Max(High, least);
        var count = 0;
        foreach (var label in labels)
        {
            count += scores[label] >= high ? 1 : 0;
        }
        int[] heard = count == 0 ? [] : Behind(Highest(labels, scores, high, float.PositiveInfinity, count).ToArray(), ancestors);
        return heard.Length >= top ? heard[..top] : [.. heard, .. Highest(labels, scores, least, below: high, top - heard.Length)];
    }

    /// <summary>Each label behind those of its kinds that are there, too.</summary>
    private static int[] Behind(int[] heard, Func<int, int[]> ancestors)
    {
        if (heard.Length == 1)
        {
            return heard;
        }
        var (shown, seen) = (new List<int>(heard.Length), new HashSet<int>());
        void Show(int label)
        {
            if (!seen.Add(label))
            {
                return;
            }
            foreach (var kind in heard)
            {
                if (ancestors(kind).Contains(label))
                {
                    Show(kind);
                }
            }
            shown.Add(label);
        }
        Array.ForEach(heard, Show);
        return [.. shown];
    }

    /// <summary>Up to <paramref name="most"/> labels, scores descending; equal ones in the given order.</summary>
    private static ReadOnlySpan<int> Highest(ReadOnlySpan<int> labels, ReadOnlySpan<float> scores, float least, float below, int most)
    {
        var (kept, count) = (new int[Math.Min(most, labels.Length)], 0);
        foreach (var label in labels)
        {
            var score = scores[label];
            if (!(score >= least && score < below) || (count == kept.Length && score <= scores[kept[^1]]))
            {
                continue;
            }
            var at = count < kept.Length ? count++ : count - 1;
            for (; at > 0 && scores[kept[at - 1]] < score; at--)
            {
                kept[at] = kept[at - 1];
            }
            kept[at] = label;
        }
        return kept.AsSpan(0, count);
    }
}
