namespace Dass.Grid.Benchmarks;

/// <summary>One row of the table.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Value">The figure with its unit.</param>
/// <param name="Comparison">The figure as a ratio to something measured in the same run, which survives a noisy machine.</param>
/// <param name="Number">The figure without its unit.</param>
internal sealed record Figure(string Name, string Value, string Comparison, double Number);

internal static class Statistics
{
    public static double Median(this List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }
}
