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
        _silos[silo] = new Entry(load, time.GetUtcNow());
        foreach (var (gone, _) in _silos.Where(entry => entry.Value.Reported < time.GetUtcNow() - 6 * Trust))
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

    /// <summary>Share of the slots that are taken, and more when its devices do not keep up.</summary>
    public double Pressure(SiloAddress silo) => _silos.TryGetValue(silo, out var entry)
        ? (entry.Load.Used + entry.Sent + entry.Load.QueuedSteps) / (double)Math.Max(1, entry.Load.Slots)
        : 0;

    /// <summary>Counts a stream that is sent there, until the silo reports again.</summary>
    public SiloAddress Choose(SiloAddress silo)
    {
        if (_silos.TryGetValue(silo, out var entry))
        {
            Interlocked.Increment(ref entry.Sent);
        }
        return silo;
    }

    private sealed class Entry(SiloLoad load, DateTimeOffset reported)
    {
        public int Sent;

        public SiloLoad Load => load;

        public DateTimeOffset Reported => reported;
    }
}
