using System.Diagnostics;

namespace Dass.Grid.Soak;

/// <summary>A part of a soak with an attacker: before, during and after the attack.</summary>
/// <param name="Name">Which.</param>
/// <param name="Chunks">Whose tags feeders received in it.</param>
/// <param name="P50">Milliseconds from the sending of a chunk's last sample to its tags.</param>
/// <param name="P99">The same.</param>
/// <param name="Max">The same.</param>
/// <param name="Resident">Lower quartile of the host's bytes in memory, over the phase's second half.</param>
/// <param name="Settled">The host's bytes in memory at the phase's end, when all garbage has been collected; NaN: it was not over.</param>
/// <param name="Heap">Bytes of managed heap among them.</param>
internal sealed record Phase(string Name, int Chunks, double P50, double P99, double Max, double Resident, double Settled, double Heap);

/// <summary>
/// Delays and memory of the phases of a soak: a quarter alone, half under attack, a quarter after it. Safe for many threads.
/// </summary>
internal sealed class Phases(TimeSpan whole)
{
    private static readonly (string Name, double End)[] Parts = [("alone", 0.25), ("attack", 0.75), ("after", 1)];

    private static readonly TimeSpan BeforeTheEnd = TimeSpan.FromSeconds(5);

    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly Lock _lock = new();
    private readonly List<float>[] _delays = [[], [], []]; // milliseconds
    private readonly List<(long Resident, long Heap)> _settled = [];

    /// <summary>Since the beginning.</summary>
    public TimeSpan AttackFrom => whole * Parts[0].End;

    /// <summary>Since the beginning.</summary>
    public TimeSpan AttackUntil => whole * Parts[1].End;

    /// <summary>Has the host collect all garbage at the end of each phase, a little before the next begins or the streams end.</summary>
    public async Task SettleAsync(HostProcess host, CancellationToken cancellationToken)
    {
        foreach (var (_, end) in Parts)
        {
            var due = whole * end - BeforeTheEnd - Stopwatch.GetElapsedTime(_began);
            await Task.Delay(due > TimeSpan.Zero ? due : TimeSpan.Zero, cancellationToken);
            _settled.Add(await host.CollectAsync(cancellationToken));
        }
    }

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
        var (settled, heap) = i < _settled.Count ? (_settled[i].Resident, _settled[i].Heap) : (double.NaN, double.NaN);
        return new Phase(Parts[i].Name, delays.Count, At(0.5), At(0.99), At(1), Memory.LowerQuartile(resident), settled, heap);
    }
}
