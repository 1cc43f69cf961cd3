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
    /// <param name="labels">Indices of the labels that may be shown.</param>
    /// <param name="scores">By label.</param>
    /// <param name="top">Labels at most.</param>
    /// <param name="ancestors">Indices of all labels that a label is a kind of.</param>
    public static IEnumerable<int> Take(IEnumerable<int> labels, float[] scores, int top, Func<int, int[]> ancestors)
    {
        var byHeard = labels.ToLookup(label => scores[label] >= High);
        int[] heard = [.. byHeard[true].OrderByDescending(label => scores[label])];
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
        var rest = byHeard[false].OrderByDescending(label => scores[label]).Take(Math.Max(0, top - shown.Count));
        return shown.Take(top).Concat(rest);
    }
}
