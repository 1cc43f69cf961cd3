using System.Diagnostics;

namespace Dass.Grid.Benchmarks;

/// <summary>
/// Whether a stream costs more when its grid has more silos: streams in real time on one, two and three silos, each a process of its own,
/// by the processor time of the silos' processes, since this machine has fewer cores than processes. One gateway is another process, and
/// clients are this one.
/// </summary>
internal static class ScaleBenchmark
{
    public static readonly TimeSpan CheckpointInterval = TimeSpan.FromSeconds(20); // so that the span has as many as it is long
    private const double ChunkSeconds = 0.96;
    private static readonly TimeSpan Begin = TimeSpan.FromSeconds(24); // all streams have begun, and code is compiled as it will stay
    private static readonly TimeSpan Span = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(8);

    /// <summary>A model whose steps cost nothing: what is left is the host's work.</summary>
    public static IEnumerable<Figure> RunFree()
    {
        using var free = new BenchmarkModel(HostProcess.Config);
        foreach (var figure in Run("steps cost nothing", free.Folder, each: 80))
        {
            yield return figure;
        }
    }

    /// <summary>A real model.</summary>
    public static IEnumerable<Figure> RunBuiltIn() => Run("built-in model", ScaleProcess.BuiltIn, each: 8);

    private static IEnumerable<Figure> Run(string name, string model, int each)
    {
        if (!ScaleCluster.HasRedis)
        {
            yield return new Figure(name, "not measured", "redis-server is missing: apt-get install redis-server", double.NaN);
            yield break;
        }
        Carried? alone = null;
        foreach (var silos in new[] { 1, 2, 3 })
        {
            using var cluster = new ScaleCluster(silos, model);
            // As many streams on each silo as on one; and on one as many as on three: a process costs less for each the more it has.
            foreach (var streams in silos == 1 ? new[] { each, 3 * each } : [silos * each])
            {
                var used = Measure(cluster, streams);
                Thread.Sleep(Pause);
                var idle = Measure(cluster, Idle);
                var carried = new Carried(
                    used.Chunks * ChunkSeconds / used.SiloCpu, (used.SiloCpu - idle.SiloCpu / idle.Wall * used.Wall) / used.Chunks);
                alone ??= carried;
                yield return new Figure(
                    $"{name}: {silos} silos, {streams} streams", $"{carried.Streams:N0} streams per silo core",
                    $"{carried.Streams / alone.Streams:0.00} x those of one silo with {each}; "
                        + $"{carried.Beyond * 1e6:0} µs a chunk beyond what a silo costs anyway, {carried.Beyond / alone.Beyond:0.00} x; "
                        + $"gateway {used.GatewayCpu / used.Chunks * 1e6:0} µs a chunk; "
                        + $"{used.Chunks * ChunkSeconds / used.Wall / streams:0.00} of the audio; silos have {Shares(used)} of it",
                    carried.Streams);
                yield return new Figure(
                    $"{name}: one of {silos} silos without a client", $"{idle.SiloCpu / silos / idle.Wall:P2} of a core",
                    $"gateway {idle.GatewayCpu / idle.Wall:P2}", idle.SiloCpu / silos / idle.Wall);
            }
        }
    }

    private static string Shares(Use used) =>
        string.Join(", ", used.ChunksBySilo.Select(chunks => $"{(double)chunks / used.Chunks:P0}"));

    private static Use Measure(ScaleCluster cluster, int streams)
    {
        var load = new HostLoad();
        try
        {
            load.Start(cluster.Address, streams, subscribers: 0);
            Thread.Sleep(Begin);
            return load.Failure is { } failure ? throw new InvalidOperationException(failure) : Measure(cluster, Span);
        }
        finally
        {
            load.DisposeAsync().AsTask().Wait();
        }
    }

    private static Use Measure(ScaleCluster cluster, TimeSpan span)
    {
        Process[] processes = [cluster.Gateway!, .. cluster.Silos];
        var before = Array.ConvertAll(processes, process => HostBenchmark.Ask(process, "none"));
        Thread.Sleep(span);
        var after = Array.ConvertAll(processes, process => HostBenchmark.Ask(process, "none"));
        var chunks = before.Zip(after, (one, other) => other.Chunks - one.Chunks).ToArray();
        var cpu = before.Zip(after, (one, other) => other.Cpu - one.Cpu).ToArray();
        return new Use(cpu[0], cpu[1..].Sum(), chunks[1..], after[0].Wall - before[0].Wall);
    }

    /// <param name="Streams">For a core of the silos.</param>
    /// <param name="Beyond">Processor time for a chunk without what a silo costs anyway, s.</param>
    private sealed record Carried(double Streams, double Beyond);

    /// <param name="GatewayCpu">Processor time of the gateway's process, s.</param>
    /// <param name="SiloCpu">Of the silos' processes together, s.</param>
    /// <param name="ChunksBySilo">That they have stepped.</param>
    /// <param name="Wall">How long, s.</param>
    private sealed record Use(double GatewayCpu, double SiloCpu, long[] ChunksBySilo, double Wall)
    {
        public long Chunks => ChunksBySilo.Sum();
    }
}
