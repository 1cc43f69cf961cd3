using Orleans.Concurrency;

namespace Dass.Grid.Grains.Placement;

/// <summary>Each silo answers from its own map of loads and its own view of the membership, both about a second old.</summary>
[StatelessWorker, GrainType("silodirectory")]
public sealed class SiloDirectoryGrain(LoadMap map, ISiloStatusOracle oracle, LoadServiceClient services) : Grain, ISiloDirectoryGrain
{
    private static readonly SiloStatus[] Members =
        [SiloStatus.Created, SiloStatus.Joining, SiloStatus.Active, SiloStatus.ShuttingDown, SiloStatus.Stopping];

    public Task<SiloEntry[]> List() => Task.FromResult(Silos.Select(silo => silo.Entry).ToArray());

    public async Task<Outcome<SiloEntry>> SetDraining(string silo, bool draining)
    {
        var (address, entry) = Silos.FirstOrDefault(known => known.Entry.Name == silo);
        if (entry is null)
        {
            return new Refusal(RefusalCode.UnknownSilo, $"silo '{silo}' is unknown; ListSilos names those that there are.");
        }
        if (entry.Load is not { Slots: > 0 } load)
        {
            return new Refusal(RefusalCode.InvalidRequest, $"silo '{silo}' runs no models: it has no streams to hand over.");
        }
        if (draining && !map.Known.Any(other => !other.Silo.Equals(address) && other.Load is { Draining: false, Slots: > 0 }))
        {
            return new Refusal(
                RefusalCode.NoOtherSilo, $"silo '{silo}' is the only one that takes streams; start another, or end the drain of one.");
        }
        await services.SetDrainingAsync(address, draining);
        return entry with { Load = load with { Draining = draining } };
    }

    private IEnumerable<(SiloAddress Address, SiloEntry Entry)> Silos
    {
        get
        {
            var loads = map.Known.ToDictionary(known => known.Silo, known => known.Load);
            return oracle.GetApproximateSiloStatuses()
                .Where(silo => Members.Contains(silo.Value))
                .Select(silo => (silo.Key, new SiloEntry(
                    silo.Key.ToParsableString(), silo.Value, loads.TryGetValue(silo.Key, out var load) ? Map(load) : null)))
                .OrderBy(silo => silo.Item2.Name, StringComparer.Ordinal);
        }
    }

    private static SiloReport Map(SiloLoad load) => new(
        load.Draining, load.Used, load.Slots, load.QueuedSteps, load.Models ?? [], load.Devices ?? [], load.DeviceMemory, load.Rate,
        load.Busy);
}
