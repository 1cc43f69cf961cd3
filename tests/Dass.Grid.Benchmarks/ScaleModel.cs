using System.Globalization;
using Orleans.Configuration;

namespace Dass.Grid.Benchmarks;

/// <summary>
/// On paper: what a grid of up to 10,000 silos sends, by cause, what of it is too much for one thread, and how long the streams of a dead
/// silo stand still. Arithmetic over measured constants; nothing here has run on more than three silos.
/// </summary>
internal static class ScaleModel
{
    // Measured: `-- scale-messages` and `-- scale-free`; deploy/README.md#scale says on what machine.
    private const double MessageMicros = 9.5; // processor time of a silo for a message without content, half of a call, 64 calls at once
    private const double ChunkMicros = 710; // of a silo for a chunk with its push, the device's step left out
    private const double PushBytes = 30_735, PushedBytes = 5_681, ObservedBytes = 5_659, RenewedBytes = 5_579;
    private const double SmallBytes = 122, LoadBytes = 66, HeaderBytes = 150;
    private const double MapMicros = 0.1; // LoadMap.Report, however many silos there are
    private const double PlaceMicrosPerSilo = 0.027; // LoadMap.Choose
    private const double TenantReportMicros = 9; // a turn of a tenant's grain
    private const double ListMicros = 1.8, ListMicrosSquared = 2.65e-4; // its list for subscribers of all, of n and n² streams
    private const double AdmitMicrosPerStream = 0.31; // a new stream's admission, for each that the tenant has
    private const double UsageMicros = 46; // of a tenant's usage grain for a report, the store's JSON with it
    private const double DirectoryCalls = 3; // a lookup and a registration at a stream's beginning, another at its end
    private const double StoreMicrosPerByte = 0.004; // of Redis, which has one thread, with its append-only file
    private const double RowBytes = 400; // of the membership table, for a member
    private const double ProbesPerSecond = 2; // of each that a member probes: half of Grid:ProbeInterval, while answers are fast
    private const double SubscriberMicros = 93; // of a gateway, for a chunk to one subscriber of all streams: tests/README.md#host

    // From the code: the options' own defaults, and constants without an option.
    private const double Chunk = 0.96; // s, EngineOptions
    private const double Upkeep = 15, CheckpointInterval = 45, LeaseRenewal = 2; // s, Grid:Streams, Grid:Gateway
    private const double CheckpointBytes = 690_000; // DASS-small: 0.41 MB of state, 64 chunks of tags
    private const double LookupsPerSecond = 20; // Grid:Streams:LookupsPerSecond
    private const double LoadInterval = 1, RegistryInterval = 1, WakeInterval = 60; // s, LoadReporter, ModelRegistry, TenantWaker
    private const double TableRefresh = 10, IAmAlive = 5; // s, Cluster.cs
    private const int MissedProbes = 2; // Cluster.cs
    private static readonly ClusterMembershipOptions Orleans = new(); // what Cluster.cs does not set
    private static readonly int DirectoryRanges = new GrainDirectoryOptions().PartitionsPerSilo;
    private static readonly double StatisticsInterval =
        new DeploymentLoadPublisherOptions().DeploymentLoadPublisherRefreshTime.TotalSeconds;

    // Assumed.
    private const double StreamHours = 1; // from a stream's beginning to its end
    private const double StreamsPerGateway = 2_000; // of a gateway's two cores
    private const double StreamsPerTenant = 1_000; // DefaultLimits:LiveStreams; each tenant has one subscriber of all
    private const double ObservedMicros = 40; // of a silo for a chunk's tags to an observer, its leases with it
    private const double RowMicros = 10; // of a member to read a row of the membership table
    private const double StoreMicrosPerCommand = 10;
    private const double SaveMicrosPerByte = 0.0005; // of a silo, to send a checkpoint
    private const double RestoreMicros = 2_000; // of a silo for a stream that comes from the store
    private const double RoundTrip = 0.001; // s, in a network of the grid's own
    private const double StoreBytesPerSecond = 1e9; // of one store's network

    private static readonly int[] Silos = [10, 100, 1_000, 10_000];

    public static IEnumerable<Figure> Run()
    {
        foreach (var streams in new[] { 100, 5_000 })
        {
            var grids = Array.ConvertAll(Silos, silos => new Sizes(silos, streams));
            foreach (var grid in grids)
            {
                var causes = Causes(grid).ToList();
                var (messages, bytes) = (causes.Sum(cause => cause.Messages), causes.Sum(cause => cause.Bytes));
                yield return new Figure(
                    $"{grid.Silos:N0} silos of {streams:N0} streams, each second of a silo",
                    $"{messages:N0} messages, {bytes / 1e6:0.0} MB, {causes.Sum(cause => cause.Cores):P0} of a core",
                    string.Join("; ", causes.Select(cause => $"{cause.Name} {cause.Messages:N0}, {cause.Cores:P1}")), messages);
            }
            foreach (var (name, setting, load) in Threads)
            {
                yield return new Figure(
                    $"{streams:N0} streams a silo: {name}", string.Join(" / ", grids.Select(grid => Share(load(grid)))),
                    $"full at {Knee(load, streams)}; {setting}", load(grids[^1]));
            }
            foreach (var grid in grids)
            {
                var (detected, known, half, all, orphans) = Fail(grid);
                yield return new Figure(
                    $"{grid.Silos:N0} silos of {streams:N0} streams: a silo is killed",
                    $"half of its streams go on after {half:0.0} s, all after {all:0.0} s",
                    $"declared dead after {detected:0.0} s, directory whole after {known:0.0} s; without a client {orphans:N0} s", all);
            }
        }
    }

    /// <summary>Of a silo, each second: messages that it sends or gets, their bytes, and processor time, by cause.</summary>
    private static IEnumerable<(string Name, double Messages, double Bytes, double Cores)> Causes(Sizes grid)
    {
        var (s, chunks) = (grid.Streams, grid.Streams / Chunk);
        yield return ("audio and answers", 2 * chunks, chunks * (PushBytes + PushedBytes), chunks * ChunkMicros / 1e6);
        yield return (
            "tags to an observer", chunks + 2 * s / LeaseRenewal, chunks * ObservedBytes + s / LeaseRenewal * RenewedBytes,
            chunks * ObservedMicros / 1e6);
        yield return Of("tenant's list and use", 4 * s / Upkeep, SmallBytes);
        yield return (
            "checkpoints", 2 * s / CheckpointInterval, s / CheckpointInterval * CheckpointBytes,
            s / CheckpointInterval * CheckpointBytes * SaveMicrosPerByte / 1e6);
        yield return Of("directory", 4 * DirectoryCalls * s / (StreamHours * 3_600), SmallBytes); // as the one that asks, and that is asked
        var reports = (grid.Members + grid.Silos) / LoadInterval;
        yield return ("load reports", reports, reports * LoadBytes, (reports * MessageMicros + grid.Silos * MapMicros) / 1e6);
        yield return Of("Orleans' statistics", 2 * grid.Members / StatisticsInterval, LoadBytes);
        yield return Of("probes", 4 * Math.Min(Orleans.NumProbedSilos, grid.Members - 1) * ProbesPerSecond, 0);
        yield return (
            "membership table", 2 / TableRefresh + 2 / IAmAlive, grid.Members * RowBytes / TableRefresh,
            grid.Members * RowMicros / TableRefresh / 1e6);
        yield return Of("registry, waking", 2 / RegistryInterval + 2 / WakeInterval, 0);

        static (string, double, double, double) Of(string name, double messages, double bytes) =>
            (name, messages, messages * (bytes + HeaderBytes), messages * MessageMicros / 1e6);
    }

    /// <summary>What only one thread does, as the share of its time; and what makes it less.</summary>
    private static readonly (string Name, string Setting, Func<Sizes, double> Load)[] Threads =
    [
        ("a silo's load reports and statistics, of a core",
            "Interval in LoadReporter.cs; DeploymentLoadPublisherRefreshTime of Orleans",
            grid => Causes(grid).Where(cause => cause.Name is "load reports" or "Orleans' statistics").Sum(cause => cause.Cores)),
        ("one Redis, checkpoints", "Grid:Streams:CheckpointInterval, Grid:Streams:CheckpointChunks, Grid:Store=postgres",
            grid => grid.All / CheckpointInterval * CheckpointBytes * StoreMicrosPerByte / 1e6),
        ("one Redis, membership table", "TableRefreshTimeout in Cluster.cs",
            grid => grid.Members * grid.Members * RowBytes * StoreMicrosPerByte / TableRefresh / 1e6
                + grid.Members * StoreMicrosPerCommand / IAmAlive / 1e6),
        ("the registry's grain", "Poll in ModelRegistry.cs, Interval in RegistryCache.cs",
            grid => grid.Members / RegistryInterval * 2 * MessageMicros / 1e6),
        ("the grain of a tenant that has all streams, reports", "Grid:Streams:Upkeep",
            grid => grid.All / Upkeep * TenantReportMicros / 1e6),
        ("the same, new streams", "DefaultLimits:LiveStreams",
            grid => grid.All / (StreamHours * 3_600) * AdmitMicrosPerStream * grid.All / 1e6),
        ("the same, its list for a gateway with a subscriber of all", "DefaultLimits:LiveStreams, Discovery in SubscribeCall.cs",
            grid => (grid.All * ListMicros + grid.All * grid.All * ListMicrosSquared) / 1e6),
        ("its usage grain", "Grid:Streams:Upkeep", grid => grid.All / Upkeep * UsageMicros / 1e6),
        ("a subscriber of all its streams", "Grid:Gateway:SubscriptionStreams, and subscribers by prefix",
            grid => grid.All / Chunk * SubscriberMicros / 1e6),
        ("waking of all tenants, one after another", "Interval in TenantWaker.cs, which every silo has",
            grid => grid.Silos / WakeInterval * Math.Ceiling(grid.All / StreamsPerTenant) * RoundTrip),
    ];

    /// <summary>A silo is killed: what has to happen before its streams are fed again, with the chance of a seed.</summary>
    private static (double Detected, double Known, double Half, double All, double Orphans) Fail(Sizes grid)
    {
        var random = new Random(7);
        // Each of those that probe it misses its next probes; a vote reads the table and writes a row, one after another.
        var read = RoundTrip + grid.Members * (RowBytes * StoreMicrosPerByte + RowMicros) / 1e6;
        var votes = Enumerable.Range(0, Math.Min(Orleans.NumProbedSilos, (int)grid.Members - 1))
            .Select(_ => (random.NextDouble() + MissedProbes - 1) / ProbesPerSecond).Order().ToArray();
        var declared = 0.0;
        foreach (var vote in votes.Take(Math.Min(Orleans.NumVotesForDeathDeclaration, ((int)grid.Silos + 1) / 2)))
        {
            declared = Math.Max(declared, vote) + read + RoundTrip;
        }
        // The one that declares it dead tells all; each new owner of a range asks all for what they hold of it.
        var told = declared + RoundTrip + grid.Members * MessageMicros / 1e6;
        var owners = Math.Min(DirectoryRanges, grid.Silos - 1);
        var asked = DirectoryRanges / owners * grid.Members * 2 * MessageMicros / 1e6;
        var answered = DirectoryRanges * (2 * MessageMicros + grid.Streams * 0.1) / 1e6;
        var known = told + RoundTrip + asked + answered;
        // Gateways try again after 50 ms, twice as long each time, half a second at most; then the store gives the states.
        var tries = new List<double>();
        for (var i = 0; i < grid.Streams; i++)
        {
            var (at, pause) = (random.NextDouble() * Chunk, 0.05);
            while (at < known)
            {
                (at, pause) = (at + pause, Math.Min(2 * pause, 0.5));
            }
            tries.Add(at);
        }
        tries.Sort();
        var (store, fed) = (0.0, new List<double>());
        var give = Math.Max(CheckpointBytes / StoreBytesPerSecond, CheckpointBytes * StoreMicrosPerByte / 1e6);
        var restore = (RestoreMicros + PlaceMicrosPerSilo * grid.Members) / 1e6;
        foreach (var at in tries)
        {
            store = Math.Max(store, at) + give;
            fed.Add(store + 4 * RoundTrip + restore);
        }
        var orphans = 3 * Upkeep + grid.Streams / (LookupsPerSecond * Math.Min(grid.Silos, Math.Ceiling(grid.All / StreamsPerTenant)));
        return (declared, known, fed[fed.Count / 2], fed[^1], orphans);
    }

    private static string Knee(Func<Sizes, double> load, int streams)
    {
        var silos = 1.0;
        while (silos < 1e5 && load(new Sizes(silos, streams)) < 1)
        {
            silos *= 1.01;
        }
        return silos < 1e5 ? $"{silos:N0} silos" : "more than 100,000 silos";
    }

    private static string Share(double load) => load.ToString(load < 0.1 ? "P1" : "P0", CultureInfo.InvariantCulture);

    /// <param name="Silos">Without gateways.</param>
    /// <param name="Streams">Of each.</param>
    private sealed record Sizes(double Silos, double Streams)
    {
        public double All => Silos * Streams;

        /// <summary>Silos and gateways: a gateway is a member of the cluster, too.</summary>
        public double Members => Silos + Math.Ceiling(All / StreamsPerGateway);
    }
}
