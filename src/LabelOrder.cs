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
        var heard = count == 0 ? [] : Heard(labels, scores, high, count, top, ancestors);
        return heard.Length >= top ? heard : [.. heard, .. Highest(labels, scores, least, below: high, top - heard.Length)];
    }

    /// <summary>The first labels of those that are heard, each behind those of its kinds that are heard.</summary>
    private static int[] Heard(
        ReadOnlySpan<int> labels, ReadOnlySpan<float> scores, float high, int count, int top, Func<int, int[]> ancestors)
    {
        var (heard, order) = (new int[count], new (float Below, int Place)[count]);
        foreach (var label in labels)
        {
            if (scores[label] >= high)
            {
                order[^count] = (-scores[label], order.Length - count);
                heard[^count--] = label;
            }
        }
        Array.Sort(order, heard);
        if (heard.Length == 1)
        {
            return heard;
        }
        var places = new Dictionary<int, int>(heard.Length); // in the order of scores
        for (var place = 0; place < heard.Length; place++)
        {
            places.Add(heard[place], place);
        }
        // Of each label the kinds that are heard, as a list in the order of scores: the last kind is put in first.
        var (first, next, kinds) = (new int[heard.Length], new List<int>(), new List<int>());
        Array.Fill(first, -1);
        for (var kind = heard.Length - 1; kind >= 0; kind--)
        {
            foreach (var ancestor in ancestors(heard[kind]))
            {
                if (places.TryGetValue(ancestor, out var place))
                {
                    next.Add(first[place]);
                    kinds.Add(kind);
                    first[place] = kinds.Count - 1;
                }
            }
        }
        var (shown, seen) = (new List<int>(Math.Min(top, heard.Length)), new bool[heard.Length]);
        for (var place = 0; place < heard.Length && shown.Count < top; place++)
        {
            Show(place);
        }
        return [.. shown];

        void Show(int place)
        {
            if (seen[place])
            {
                return;
            }
            seen[place] = true;
            for (var at = first[place]; at >= 0; at = next[at])
            {
                Show(kinds[at]);
            }
            if (shown.Count < top)
            {
                shown.Add(heard[place]);
            }
        }
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
