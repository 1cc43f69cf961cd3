using System.Diagnostics;

namespace Dass.Grid.Soak;

/// <summary>A part of a soak with an attacker: before, during and after the attack.</summary>
/// <param name="Name">Which.</param>
/// <param name="Chunks">Whose tags feeders received in it.</param>
/// <param name="P50">Milliseconds from the sending of a chunk's last sample to its tags.</param>
/// <param name="P99">The same.</param>
/// <param name="Max">The same.</param>
/// <param name="Resident">Lower quartile of the host's bytes in memory, over the phase's second half.</param>
internal sealed record Phase(string Name, int Chunks, double P50, double P99, double Max, double Resident);

/// <summary>
/// Delays and memory of the phases of a soak: a quarter alone, half under attack, a quarter after it. Safe for many threads.
/// </summary>
internal sealed class Phases(TimeSpan whole)
{
    private static readonly (string Name, double End)[] Parts = [("alone", 0.25), ("attack", 0.75), ("after", 1)];

    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly Lock _lock = new();
    private readonly List<float>[] _delays = [[], [], []]; // milliseconds

    /// <summary>Since the beginning.</summary>
    public TimeSpan AttackFrom => whole * Parts[0].End;

    /// <summary>Since the beginning.</summary>
    public TimeSpan AttackUntil => whole * Parts[1].End;

    public void OnTagged(TimeSpan delay)
    {
        var now = Stopwatch.GetElapsedTime(_began) / whole;
        lock (_lock)
        {
            _delays[Math.Max(0, Array.FindIndex(Parts, part => now < part.End))].Add((float)delay.TotalMilliseconds);
        }
    }

    /// <param name="held">Memory of the host along the soak.</param>
    public IReadOnlyList<Phase> Close(IReadOnlyList<Held> held)
    {
        lock (_lock)
        {
            return [.. Parts.Select((part, i) => Close(i, held))];
        }
    }

    private Phase Close(int i, IReadOnlyList<Held> held)
    {
        var (begin, end) = (i == 0 ? 0 : Parts[i - 1].End, Parts[i].End);
        var resident = held.Where(sample => sample.Seconds >= (begin + end) / 2 * whole.TotalSeconds
            && sample.Seconds < end * whole.TotalSeconds).Select(sample => (double)sample.Resident).DefaultIfEmpty(double.NaN);
        var delays = _delays[i];
        delays.Sort();
        double At(double share) => delays.Count == 0 ? double.NaN : Math.Round(delays[(int)(share * (delays.Count - 1))], 1);
        return new Phase(Parts[i].Name, delays.Count, At(0.5), At(0.99), At(1), Memory.LowerQuartile(resident));
    }
}
