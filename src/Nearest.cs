namespace Dass.Grid;

/// <summary>What a mistyped name was probably meant to be.</summary>
internal static class Nearest
{
    /// <summary>Names that differ by few letters, nearest first.</summary>
    /// <param name="name">As it was typed.</param>
    /// <param name="names">Those that there are.</param>
    /// <param name="most">How many are wanted.</param>
    public static string[] To(string name, IEnumerable<string> names, int most = 3)
    {
        var wanted = name.ToUpperInvariant();
        return
        [
            .. names
                .Distinct(StringComparer.OrdinalIgnoreCase)
                .Select(known => (Name: known, Distance: Distance(wanted, known.ToUpperInvariant())))
                .Where(known => known.Distance <= Tolerated(wanted, known.Name))
                .OrderBy(known => known.Distance)
                .ThenBy(known => known.Name, StringComparer.Ordinal)
                .Take(most)
                .Select(known => known.Name),
        ];
    }

    /// <summary>A question that ends a message, or nothing.</summary>
    public static string Question(string name, IEnumerable<string> names) =>
        To(name, names) is { Length: > 0 } near ? $" Did you mean {string.Join(" or ", near.Select(known => $"'{known}'"))}?" : "";

    private static double Tolerated(string wanted, string known) => Math.Max(1, Math.Max(wanted.Length, known.Length) / 3.0);

    /// <summary>
    /// Letters to change, add, leave out or swap with their neighbour; what goes on where the shorter name ends costs half, for stems and
    /// parts of names.
    /// </summary>
    private static double Distance(string one, string other)
    {
        if (Math.Min(one.Length, other.Length) >= 3
            && (other.Contains(one, StringComparison.Ordinal) || one.Contains(other, StringComparison.Ordinal)))
        {
            return Math.Min(1, Math.Abs(one.Length - other.Length) / 2.0);
        }
        var rows = new int[one.Length + 1, other.Length + 1];
        for (var i = 0; i <= one.Length; i++)
        {
            for (var j = 0; j <= other.Length; j++)
            {
                rows[i, j] = i == 0 ? j : j == 0 ? i
                    : Math.Min(
                        Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1, rows[i - 1, j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1])
                {
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
                }
            }
        }
        return rows[one.Length, other.Length];
    }
}
