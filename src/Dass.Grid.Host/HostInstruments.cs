using System.Diagnostics.Metrics;
using System.Reflection;

namespace Dass.Grid.Host;

/// <summary>What this process is, and what it knows of the others.</summary>
internal sealed class HostInstruments
{
    public const string Name = "Dass.Grid.Host";

    private static readonly SiloStatus[] Statuses =
        [SiloStatus.Joining, SiloStatus.Active, SiloStatus.ShuttingDown, SiloStatus.Stopping, SiloStatus.Dead];

    /// <param name="meters">Of this host.</param>
    /// <param name="silos">What this process knows of the grid's silos, gateways included.</param>
    /// <param name="grid">Of this process.</param>
    public HostInstruments(IMeterFactory meters, ISiloStatusOracle silos, GridOptions grid)
    {
        var meter = meters.Create(Name);
        KeyValuePair<string, object?>[] build =
        [
            new("service.version", Version), new("dass.role", Lower(grid.Role)), new("dass.store", Lower(grid.Store)),
        ];
        meter.CreateObservableGauge("dass.build.info", () => new Measurement<int>(1, build), description: "1; its tags say what runs.");
        meter.CreateObservableUpDownCounter(
            "dass.cluster.silos",
            () =>
            {
                var known = silos.GetApproximateSiloStatuses();
                return Statuses.Select(status => new Measurement<int>(
                    known.Count(silo => silo.Value == status), new KeyValuePair<string, object?>("dass.status", Lower(status))));
            },
            "{silo}", "Silos, gateways included, that this process knows of, by status; dead ones for as long as the table has them.");
    }

    /// <summary>Of the grid, without the commit.</summary>
    public static string Version { get; } =
        typeof(HostInstruments).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]
        ?? "0.0.0";

    private static string Lower<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();
}
