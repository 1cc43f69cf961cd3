using System.Diagnostics;
using System.Text.Json;

namespace Dass.Grid.Benchmarks;

/// <summary>
/// What a chunk costs the host when the device costs nothing, stage by stage; how many streams in real time a core of a host carries; and
/// where the first bottleneck is.
/// </summary>
internal static class HostBenchmark
{
    private const double ChunkSeconds = 0.96;
    private const int Subscribers = 4;
    private const int Messages = 10;
    private static readonly int[] Loads = [1_000, 5_000, 20_000];
    private static readonly TimeSpan Begin = TimeSpan.FromSeconds(14); // all streams have begun, and code is compiled
    private static readonly TimeSpan Span = TimeSpan.FromSeconds(12);

    public static IEnumerable<Figure> Run()
    {
        using var host = StartHost(out var address);
        try
        {
            var stages = Stages(host);
            foreach (var load in Loads)
            {
                var (used, held, failure) = Measure(host, address, load, subscribers: 0);
                if (load == Loads[0])
                {
                    stages.Add(new Stage("gateway with gRPC", used.Cpu - stages.Sum(stage => stage.Cpu),
                        used.Allocated - stages.Sum(stage => stage.Allocated)));
                    foreach (var figure in Describe(stages))
                    {
                        yield return figure;
                    }
                    var (cut, _, _) = Measure(host, address, load, subscribers: 0, Messages);
                    yield return new Figure(
                        $"a chunk in {Messages} messages instead of one", $"{cut.Cpu * 1e6:0} µs, {cut.Allocated:N0} B",
                        $"{cut.Cpu / used.Cpu:0.00} x the chunk in one", cut.Cpu * 1e6);
                    var (watched, _, _) = Measure(host, address, load, Subscribers);
                    yield return new Figure(
                        "a subscriber of all streams, for each chunk",
                        $"{(watched.Cpu - used.Cpu) / Subscribers * 1e6:0} µs, {(watched.Allocated - used.Allocated) / Subscribers:N0} B",
                        $"{(watched.Cpu - used.Cpu) / Subscribers / used.Cpu:0.00} x the chunk itself",
                        (watched.Cpu - used.Cpu) / Subscribers * 1e6);
                }
                yield return new Figure(
                    $"{load:N0} streams in real time: host",
                    $"{ChunkSeconds / used.Cpu:N0} streams per core, {used.Cpu * 1e6:0} µs and {used.Allocated:N0} B per chunk",
                    $"{held:0.00} of the audio that was due; collector's pauses {used.Paused:P1} of the time; {used.Resident / 1e9:0.0} GB"
                        + (failure is null ? "" : $"; {failure}"),
                    ChunkSeconds / used.Cpu);
                if (held < 0.9)
                {
                    yield return new Figure(
                        "this machine, shared by the host and its clients, saturates at", $"{held * load:N0} streams",
                        $"of {load:N0}; {Environment.ProcessorCount} cores", held * load);
                    break;
                }
            }
        }
        finally
        {
            End(host);
        }
    }

    public static void End(Process host)
    {
        host.StandardInput.Close();
        if (!host.WaitForExit(TimeSpan.FromSeconds(60)))
        {
            host.Kill();
        }
    }

    private static List<Stage> Stages(Process host)
    {
        var cost = new Dictionary<string, Stage>();
        foreach (var name in new[] { "features", "scores", "events", "session", "grain" })
        {
            Ask(host, name); // compiles
            var before = Ask(host, "");
            var after = Ask(host, name);
            cost[name] = new Stage(
                name, (after.Cpu - before.Cpu) / HostProcess.Chunks, (double)(after.Allocated - before.Allocated) / HostProcess.Chunks);
        }
        return
        [
            cost["features"] with { Name = "features: decoding, log-mel" },
            cost["scores"] with { Name = "scores: the head on chunk and window" },
            cost["events"] with { Name = "events: the tracker" },
            (cost["session"] - cost["features"] - cost["scores"]) with { Name = "session, queue and batches" },
            (cost["grain"] - cost["session"] - cost["events"]) with { Name = "grain" },
        ];
    }

    private static IEnumerable<Figure> Describe(List<Stage> stages)
    {
        var whole = stages.Sum(stage => stage.Cpu);
        foreach (var stage in stages)
        {
            yield return new Figure(
                $"of a chunk: {stage.Name}", $"{stage.Cpu * 1e6:0} µs, {stage.Allocated:N0} B", $"{stage.Cpu / whole:P0} of the chunk",
                stage.Cpu * 1e6);
        }
        var first = stages.MaxBy(stage => stage.Cpu)!;
        yield return new Figure(
            "the first bottleneck", first.Name, $"{first.Cpu / whole:P0} of {whole * 1e6:0} µs; alone it would carry "
                + $"{ChunkSeconds / first.Cpu:N0} streams per core", first.Cpu / whole);
    }

    /// <summary>Processor time and memory for a chunk, and the share of the chunks that were due.</summary>
    private static (Use Used, double Held, string? Failure) Measure(
        Process host, Uri address, int streams, int subscribers, int messages = 1)
    {
        var load = new HostLoad();
        try
        {
            load.Start(address, streams, subscribers, messages: messages);
            Thread.Sleep(Begin);
            var before = Ask(host, "");
            Thread.Sleep(Span);
            var (after, failure) = (Ask(host, ""), load.Failure);
            var (chunks, wall) = (after.Chunks - before.Chunks, after.Wall - before.Wall);
            var used = new Use(
                (after.Cpu - before.Cpu) / chunks, (double)(after.Allocated - before.Allocated) / chunks,
                (after.Paused - before.Paused) / wall, after.Resident);
            return (used, chunks / (wall / ChunkSeconds * streams), failure);
        }
        finally
        {
            load.DisposeAsync().AsTask().Wait();
        }
    }

    /// <summary>A host as a process of its own.</summary>
    /// <param name="address">Of its gateway.</param>
    /// <param name="model">Directory of the model that it serves, and how it computes products; none: a model that costs nothing.</param>
    public static Process StartHost(out Uri address, params string[] model)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [HostProcess.Argument, .. model])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true,
        };
        start.Environment["DOTNET_gcServer"] = "1"; // as the host's own
        var host = Process.Start(start)!;
        address = new Uri(host.StandardOutput.ReadLine()!);
        return host;
    }

    public static HostCounters Ask(Process host, string command)
    {
        host.StandardInput.WriteLine(command);
        return JsonSerializer.Deserialize<HostCounters>(host.StandardOutput.ReadLine()!)!;
    }

    /// <param name="Name">What is done.</param>
    /// <param name="Cpu">Of all cores together for a chunk, s.</param>
    /// <param name="Allocated">For a chunk, bytes.</param>
    private sealed record Stage(string Name, double Cpu, double Allocated)
    {
        public static Stage operator -(Stage one, Stage other) =>
            new(one.Name, Math.Max(0, one.Cpu - other.Cpu), Math.Max(0, one.Allocated - other.Allocated));
    }

    /// <param name="Cpu">For a chunk, s.</param>
    /// <param name="Allocated">For a chunk, bytes.</param>
    /// <param name="Paused">By the collector, share of the time.</param>
    /// <param name="Resident">Bytes.</param>
    private sealed record Use(double Cpu, double Allocated, double Paused, long Resident);
}
