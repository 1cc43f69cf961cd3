namespace Dass.Grid.Soak;

/// <summary>What the host held at one time.</summary>
/// <param name="Seconds">Since the beginning.</param>
/// <param name="Resident">Bytes in memory.</param>
/// <param name="Heap">Bytes of managed heap after the last collection.</param>
/// <param name="Live">Streams.</param>
internal readonly record struct Held(double Seconds, long Resident, double Heap, double Live);

/// <summary>
/// The rule of flat memory: the lower quartile of the last third of the samples lies at most a share above that of the third before. The
/// first third may grow: code is compiled, histories of streams fill up. A quartile, because a collector that has no need to hurry makes
/// the rest of the samples rise and fall; what leaks is there in each of them.
/// </summary>
internal static class Memory
{
    /// <returns>How far the last third lies above the one before: a share; null: there are fewer than three samples.</returns>
    public static double? Growth(IReadOnlyList<double> samples)
    {
        var third = samples.Count / 3;
        return third == 0
            ? null
            : LowerQuartile(samples.Skip(samples.Count - third)) / LowerQuartile(samples.Skip(samples.Count - 2 * third).Take(third)) - 1;
    }

    public static double LowerQuartile(IEnumerable<double> samples)
    {
        var sorted = samples.Order().ToArray();
        return sorted[sorted.Length / 4];
    }
}
