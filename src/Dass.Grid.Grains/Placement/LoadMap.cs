using System.Collections.Concurrent;

namespace Dass.Grid.Grains.Placement;

/// <summary>
/// The load of all silos as this one has it: their last reports, and the streams that it has sent there since. Thread-safe.
/// </summary>
public sealed class LoadMap(TimeProvider time)
{
    private static readonly TimeSpan Trust = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<SiloAddress, Entry> _silos = new();

    /// <summary>Silos that have reported lately.</summary>
    public IReadOnlyList<(SiloAddress Silo, SiloLoad Load)> Known
    {
        get
        {
            var oldest = time.GetUtcNow() - Trust;
            return [.. _silos.Where(entry => entry.Value.Reported >= oldest).Select(entry => (entry.Key, entry.Value.Load))];
        }
    }

    public void Report(SiloAddress silo, SiloLoad load)
    {
        var now = time.GetUtcNow();
        var isNew = !_silos.ContainsKey(silo);
        _silos[silo] = new Entry(load, now);
        if (!isNew)
        {
            return; // the map does not grow by it, and a look at all at each report of each would be the square of their number
        }
        foreach (var (gone, _) in _silos.Where(entry => entry.Value.Reported < now - 6 * Trust))
        {
            _silos.TryRemove(gone, out _);
        }
    }

    public bool IsDraining(SiloAddress silo) => _silos.TryGetValue(silo, out var entry) && entry.Load.Draining;

    /// <summary>A silo that has not reported yet counts as open: it has just come, or this one has.</summary>
    public bool HasRoom(SiloAddress silo) =>
        !_silos.TryGetValue(silo, out var entry) || (!entry.Load.Draining && entry.Load.Used + entry.Sent < entry.Load.Slots);

    /// <summary>A silo that has not reported yet counts as serving all. So does one of a version that does not report its models.</summary>
    public bool Serves(SiloAddress silo, string? model) =>
        model is null || !_silos.TryGetValue(silo, out var entry) || entry.Load.Models is not { } models || models.Contains(model);

    /// <summary>
    /// Of two silos, each taken at random in proportion to what it can carry, the one that has less to do for that: nearly as good as the
    /// best of all, and many gateways that see the same map a second late do not all choose the same silo.
    /// </summary>
    /// <remarks>
    /// Rates count only where each silo reports one: else the slots do, as they did before there were rates. A silo that has not reported
    /// yet counts as the slowest of the others, with nothing to do.
    /// </remarks>
    /// <param name="among">At least one.</param>
    /// <param name="random">Where chance comes from.</param>
    public SiloAddress Choose(IReadOnlyList<SiloAddress> among, Random random)
    {
        var entries = new Entry?[among.Count];
        for (var i = 0; i < entries.Length; i++)
        {
            entries[i] = _silos.GetValueOrDefault(among[i]);
        }
        var byRate = entries.All(entry => entry is null || entry.Load.Rate > 0);
        var least = entries.Min(entry => entry?.Load.Capacity(byRate)) ?? 1;
        double[] capacities = [.. entries.Select(entry => entry?.Load.Capacity(byRate) ?? least)];
        var (one, other) = (Draw(capacities, random), Draw(capacities, random));
        return Choose(among[Pressure(one) <= Pressure(other) ? one : other]);

        double Pressure(int silo) => (entries[silo]?.Work ?? 0) / capacities[silo];
    }

    /// <summary>Counts a stream that is sent there, until the silo reports again.</summary>
    public SiloAddress Choose(SiloAddress silo)
    {
        if (_silos.TryGetValue(silo, out var entry))
        {
            Interlocked.Increment(ref entry.Sent);
        }
        return silo;
    }

    private static int Draw(double[] weights, Random random)
    {
        var left = random.NextDouble() * weights.Sum();
        for (var i = 0; i < weights.Length - 1; i++)
        {
            if ((left -= weights[i]) < 0)
            {
                return i;
            }
        }
        return weights.Length - 1;
    }

    private sealed class Entry(SiloLoad load, DateTimeOffset reported)
    {
        public int Sent;

        public SiloLoad Load => load;

        public DateTimeOffset Reported => reported;

        /// <summary>Streams that it has or gets; and a step that waits counts as a stream, since its device does not keep up.</summary>
        public int Work => load.Used + Sent + load.QueuedSteps;
    }
}
