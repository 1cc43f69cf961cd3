using System.Diagnostics;
using System.Net;
using Dass.Grid.Grains.Placement;

namespace Dass.Grid.Benchmarks;

/// <summary>
/// What a grid of three silos sends and writes, counted and weighed: the inputs of <see cref="ScaleModel"/>. Counts do not depend on what
/// else the machine does, processor times do.
/// </summary>
internal static class ScaleMessages
{
    private const int Streams = 200;
    private const int Calls = 20_000;

    /// <summary>What is told of all that is counted: parts of names.</summary>
    private static readonly string[] Told =
    [
        ".", "messages-size", "header-size", "pings-sent", "eval", "hgetall", "total_net", "directory-registrations",
    ];

    private static readonly TimeSpan Begin = TimeSpan.FromSeconds(14);
    private static readonly TimeSpan Span = TimeSpan.FromSeconds(30); // two upkeeps of each stream

    public static IEnumerable<Figure> Run()
    {
        if (!ScaleCluster.HasRedis)
        {
            return [new Figure("messages", "not counted", "redis-server is missing: apt-get install redis-server", double.NaN)];
        }
        using var free = new BenchmarkModel(HostProcess.Config);
        return [.. CountCluster(free.Folder), .. TimeGrains(free.Folder), .. TimeMaps()];
    }

    private static IEnumerable<Figure> CountCluster(string model)
    {
        using var cluster = new ScaleCluster(3, model);
        Thread.Sleep(TimeSpan.FromSeconds(5));
        var idle = Watch(cluster, () => Thread.Sleep(Span));
        yield return Row("idle", idle, "silo and second", idle.Wall * 3);
        HostBenchmark.Ask(cluster.Gateway!, $"calls {Calls}"); // compiles
        var calls = Watch(cluster, () => HostBenchmark.Ask(cluster.Gateway!, $"calls {Calls}"));
        yield return new Figure(
            "a call without content from gateway to silo", $"{(calls.GatewayCpu + calls.SiloCpu) / Calls * 1e6:0.0} µs of both",
            $"gateway {calls.GatewayCpu / Calls * 1e6:0.0}, silo {calls.SiloCpu / Calls * 1e6:0.0}; {Calls / calls.Wall:N0} calls a second",
            (calls.GatewayCpu + calls.SiloCpu) / Calls * 1e6);
        foreach (var (subscribers, name) in new[] { (0, "streams"), (1, "with a subscriber of all") })
        {
            var load = new HostLoad();
            load.Start(cluster.Address, Streams, subscribers);
            var begin = Watch(cluster, () => Thread.Sleep(Begin));
            yield return Row($"{name} begin", begin, "stream", Streams);
            var used = Watch(cluster, () => Thread.Sleep(Span));
            yield return Row(name, used, "chunk", used.Counts["dass.engine.steps"]);
            load.DisposeAsync().AsTask().Wait();
            Thread.Sleep(TimeSpan.FromSeconds(2));
        }
        var sizes = HostBenchmark.Ask(cluster.Silos[0], "sizes").Counts!
            .Where(count => count.Key.StartsWith("bytes ", StringComparison.Ordinal));
        yield return new Figure("bytes", string.Join(", ", sizes.Select(size => $"{size.Key[6..]} {size.Value:0}")), "without headers", 0);
    }

    /// <summary>Grains that a tenant has one of, on one silo.</summary>
    private static IEnumerable<Figure> TimeGrains(string model)
    {
        using var cluster = new ScaleCluster(1, model, withGateway: false);
        foreach (var command in new[] { "report 10000", "admit 200", "list", "usage 1000" })
        {
            HostBenchmark.Ask(cluster.Silos[0], command); // compiles
        }
        foreach (var streams in new[] { 10_000, 30_000, 100_000 })
        {
            HostBenchmark.Ask(cluster.Silos[0], $"report {streams}");
            Thread.Sleep(TimeSpan.FromSeconds(3)); // its list is written
            yield return Timed($"a tenant of {streams:N0} streams: report", cluster, "report", streams, Math.Min(streams, Calls));
            yield return Timed($"a tenant of {streams:N0} streams: admission", cluster, "admit", streams, 200);
            yield return Timed($"a tenant of {streams:N0} streams: list", cluster, "list", streams, 1);
            if (streams < 30_000)
            {
                HostBenchmark.Ask(cluster.Silos[0], $"usage {streams}");
                yield return Timed($"a tenant of {streams:N0} streams: use of all", cluster, "usage", streams, streams);
            }
        }
    }

    private static Figure Timed(string name, ScaleCluster cluster, string command, int streams, int count)
    {
        var watched = Watch(cluster, () => HostBenchmark.Ask(cluster.Silos[0], $"{command} {count}"));
        return new Figure(
            name, $"{watched.Wall / count * 1e6:0.0} µs", $"{watched.SiloCpu / count * 1e6:0.0} µs of the processor; Redis "
                + $"{watched.RedisCpu / count * 1e6:0.0} µs and {watched.Counts["total_net_input_bytes"] / count:N0} B",
            watched.Wall / count * 1e6);
    }

    /// <summary>A report of a silo's load, and a stream's placement, where so many silos are known.</summary>
    private static IEnumerable<Figure> TimeMaps()
    {
        foreach (var silos in new[] { 10, 100, 1_000, 10_000 })
        {
            var map = new LoadMap(TimeProvider.System);
            SiloAddress[] all = [.. Enumerable.Range(0, silos).Select(i => SiloAddress.New(new IPEndPoint(i + 1L, 11_111), 1))];
            var load = new SiloLoad(256, 100, 0, Draining: false, ["built-in"]) { Rate = 100 };
            Array.ForEach(all, silo => map.Report(silo, load));
            var reports = Math.Max(20, 200_000 / silos);
            var report = LayersBenchmark.CpuSeconds(() => Repeat(reports, i => map.Report(all[i % silos], load)), 5) / reports;
            var place = LayersBenchmark.CpuSeconds(() => Repeat(reports, _ => map.Choose(all, Random.Shared)), 5) / reports;
            var look = LayersBenchmark.CpuSeconds(() => Repeat(reports, _ => _ = map.Known.Count), 5) / reports;
            yield return new Figure(
                $"map of {silos:N0} silos",
                $"report {report * 1e6:0.00} µs, placement {place * 1e6:0.0} µs, a look at all {look * 1e6:0.0} µs",
                $"a silo gets {silos:N0} reports a second: {report * silos:P2} of a core", report * 1e6);
        }
    }

    private static void Repeat(int count, Action<int> work)
    {
        for (var i = 0; i < count; i++)
        {
            work(i);
        }
    }

    private static Watched Watch(ScaleCluster cluster, Action work)
    {
        Process[] processes = cluster.Gateway is { } gateway ? [.. cluster.Silos, gateway] : cluster.Silos;
        var (before, redis, cpu, began) = (Read(), cluster.RedisCounts, cluster.RedisCpu, Stopwatch.GetTimestamp());
        work();
        var (wall, after) = (Stopwatch.GetElapsedTime(began).TotalSeconds, Read());
        var counts = new Dictionary<string, double>();
        foreach (var (name, value) in after.Zip(before).SelectMany(pair => Differences(pair.First.Counts!, pair.Second.Counts!))
            .Concat(Differences(cluster.RedisCounts, redis)))
        {
            counts[name] = counts.GetValueOrDefault(name) + value;
        }
        var used = after.Zip(before, (one, other) => one.Cpu - other.Cpu).ToArray();
        var silos = cluster.Silos.Length;
        return new Watched(counts, used[..silos].Sum(), used[silos..].Sum(), cluster.RedisCpu - cpu, wall);

        HostCounters[] Read() => Array.ConvertAll(processes, process => HostBenchmark.Ask(process, "none"));
    }

    private static IEnumerable<KeyValuePair<string, double>> Differences(
        Dictionary<string, double> after, Dictionary<string, double> before) => after.Select(
            count => KeyValuePair.Create(count.Key, count.Value - before.GetValueOrDefault(count.Key)));

    private static Figure Row(string name, Watched used, string of, double by) => new(
        $"{name}, for a {of}",
        $"silos {used.SiloCpu / by * 1e6:0} µs, gateway {used.GatewayCpu / by * 1e6:0} µs, Redis {used.RedisCpu / by * 1e6:0} µs",
        string.Join("; ", used.Counts.Where(count => count.Value > 0 && Told.Any(count.Key.Contains))
            .OrderBy(count => count.Key, StringComparer.Ordinal)
            .Select(count => $"{count.Key} {count.Value / by:G4}")),
        used.SiloCpu / by * 1e6);

    private sealed record Watched(Dictionary<string, double> Counts, double SiloCpu, double GatewayCpu, double RedisCpu, double Wall);
}
