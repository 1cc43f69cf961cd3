using System.Diagnostics;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx;

namespace Dass.Grid.Benchmarks;

/// <summary>
/// Streams of DASS-small that a core carries with chunks of 0.96 s and look-ahead of 0.64 s, layer by layer, each measured against the one
/// below: matrix products, step, batch, session, grain, gRPC. Processor time of the process that does the work, so what else runs on the
/// machine matters little; clients are another process's.
/// </summary>
internal static class LayersBenchmark
{
    private const int Committed = 96;
    private const int LookAhead = 64;
    private const int Batch = 8;
    private const int Repetitions = 12;
    private const double ChunkSeconds = 0.96;

    /// <summary>Paced streams, as shares of what gRPC carries at full load.</summary>
    private static readonly double[] Paces = [0.5, 0.7, 0.9];
    private static readonly TimeSpan PaceSpan = TimeSpan.FromSeconds(20);

    /// <param name="LayerName">What is measured.</param>
    /// <param name="Precision">How products are computed.</param>
    /// <param name="StreamsPerCore">In real time.</param>
    /// <param name="OfBelow">The figure in relation to the layer below; null: there is none.</param>
    /// <param name="AllocatedPerChunk">By the process that does the work, bytes; null: not counted.</param>
    /// <param name="Paced">Of gRPC: delays of streams in real time.</param>
    public sealed record Layer(
        string LayerName, string Precision, double StreamsPerCore, double? OfBelow, double? AllocatedPerChunk, Pace[]? Paced);

    /// <param name="Load">Share of what the layer carries at full load.</param>
    /// <param name="Streams">In real time.</param>
    /// <param name="P50">Delay from the send of a chunk's last audio to its tags, s.</param>
    /// <param name="P99">The same, 99th percentile.</param>
    /// <param name="Held">Share of the due chunks that were tagged.</param>
    public sealed record Pace(double Load, int Streams, double P50, double P99, double Held);

    public sealed record Peer(string Name, string Precision, double StreamsPerCore);

    public sealed record Report(Layer[] Layers, Peer[] Peers, double PeakGflops, double ShareOfPeak)
    {
        /// <summary>The report with the names that programs read.</summary>
        public object ToJson() => new
        {
            layers = Layers.Select(layer => new
            {
                layer = layer.LayerName,
                precision = layer.Precision,
                streams_per_core = layer.StreamsPerCore,
                of_below = layer.OfBelow,
                allocated_per_chunk = layer.AllocatedPerChunk,
                paced = layer.Paced?.Select(
                    pace => new { load = pace.Load, streams = pace.Streams, delay_p50 = pace.P50, delay_p99 = pace.P99, held = pace.Held }),
            }),
            peers = Peers.Select(peer => new { peer = peer.Name, precision = peer.Precision, streams_per_core = peer.StreamsPerCore }),
            peak_gflops = PeakGflops,
            share_of_peak = ShareOfPeak,
        };

        public IEnumerable<Figure> ToFigures()
        {
            foreach (var layer in Layers)
            {
                var below = layer.OfBelow is { } share ? $"{share:0.00} x the layer below" : "the lowest layer";
                yield return new Figure(
                    $"{layer.LayerName}, {layer.Precision}", $"{layer.StreamsPerCore:0.0} streams per core",
                    layer.AllocatedPerChunk is { } bytes ? $"{below}; {bytes:N0} B per chunk" : below, layer.StreamsPerCore);
                foreach (var pace in layer.Paced ?? [])
                {
                    yield return new Figure(
                        $"{layer.LayerName}, {layer.Precision}, {pace.Streams} streams in real time",
                        $"tags after {pace.P50:0.00} s, p99 {pace.P99:0.00} s",
                        $"{pace.Load:P0} of full load; {pace.Held:P0} of the chunks", pace.P99);
                }
            }
            foreach (var peer in Peers)
            {
                yield return new Figure(
                    $"{peer.Name}, {peer.Precision}", $"{peer.StreamsPerCore:0.0} streams per core", "", peer.StreamsPerCore);
            }
            yield return new Figure(
                "multiply-add peak of this core", $"{PeakGflops:0} GFLOP/s", $"{ShareOfPeak:P0} of it in a fp32 step", PeakGflops);
        }
    }

    public static Report Run()
    {
        using var small = new BenchmarkModel();
        var exact = small.Load();
        var (layers, peers) = (new List<Layer>(), new List<Peer>());
        var peak = Enumerable.Range(0, 50).Select(_ => FmaPeak.Measure()).ToList().Median();
        var shareOfPeak = 0.0;
        foreach (var precision in new[] { StepPrecision.Fp32, StepPrecision.Int8 })
        {
            var name = precision.ToString().ToLowerInvariant();
            var model = precision == StepPrecision.Int8 ? exact.Quantized() : exact;
            using IStepModel step = new OnnxStepModel(model);
            var products = Products.Seconds(model, Batch * (Committed + LookAhead), Repetitions);
            var seconds = StepSeconds(step, Batch, Committed, LookAhead);
            var window = StepSeconds(step, batch: 1, committed: 1_024, lookAhead: 0);
            peers.Add(new Peer("a window of 10.24 s again at every hop, same engine", name, ChunkSeconds / window));
            peers.AddRange(precision == StepPrecision.Fp32 ? TorchPeer.Run(small.Folder) : []);
            using (IStepModel standard = StandardScan.Create(step))
            {
                var streams = Batch * ChunkSeconds / StepSeconds(standard, Batch, Committed, LookAhead);
                peers.Add(new Peer("a step, our graph with ONNX's Scan in the place of our operator", name, streams));
            }
            if (precision == StepPrecision.Fp32)
            {
                shareOfPeak = 2 * Batch * DassWork.MultiplyAdds(model.Config, Committed + LookAhead) / seconds / 1e9 / peak;
            }
            Add("matrix products", Batch * ChunkSeconds / products, null, null);
            Add("step", Batch * ChunkSeconds / seconds, null, null);
            using var host = HostBenchmark.StartHost(out var address, small.Folder, name);
            try
            {
                foreach (var layer in new[] { "batch", "session", "grain" })
                {
                    HostBenchmark.Ask(host, layer); // compiles
                    var before = HostBenchmark.Ask(host, "");
                    var after = HostBenchmark.Ask(host, layer);
                    Add(layer, ChunkSeconds / PerChunk(before, after).Cpu, PerChunk(before, after).Allocated, null);
                }
                var (full, allocated) = FullLoad(host, address);
                var paced = Paces.Select(load => Paced(address, load, Math.Max(1, (int)Math.Round(load * full)))).ToArray();
                Add("gRPC", full, allocated, paced);
            }
            finally
            {
                HostBenchmark.End(host);
            }

            void Add(string layer, double streams, double? bytes, Pace[]? paced)
            {
                var below = layers.LastOrDefault(one => one.Precision == name)?.StreamsPerCore;
                layers.Add(new Layer(layer, name, streams, streams / below, bytes, paced));
            }
        }
        return new Report([.. layers], [.. peers], peak, shareOfPeak);
    }

    /// <summary>Streams feed as fast as they are let: processor time and allocations of the host.</summary>
    private static (double Streams, double Allocated) FullLoad(Process host, Uri address)
    {
        var load = new HostLoad();
        try
        {
            load.Start(address, 2 * Batch, subscribers: 0, pace: false);
            Thread.Sleep(TimeSpan.FromSeconds(10)); // all have begun, and code is compiled
            var before = HostBenchmark.Ask(host, "");
            Thread.Sleep(PaceSpan);
            var (cpu, allocated) = PerChunk(before, HostBenchmark.Ask(host, ""));
            return (ChunkSeconds / cpu, allocated);
        }
        finally
        {
            load.DisposeAsync().AsTask().Wait();
        }
    }

    private static Pace Paced(Uri address, double share, int streams)
    {
        var load = new HostLoad();
        try
        {
            load.Start(address, streams, subscribers: 0);
            Thread.Sleep(TimeSpan.FromSeconds(12));
            load.TakeDelays();
            var before = load.Count.Tagged;
            Thread.Sleep(PaceSpan);
            var delays = load.TakeDelays();
            delays.Sort();
            var held = (load.Count.Tagged - before) / (PaceSpan.TotalSeconds / ChunkSeconds * streams);
            return new Pace(share, streams, At(0.5), At(0.99), held);

            double At(double rank) => delays.Count == 0 ? double.PositiveInfinity : delays[(int)(rank * (delays.Count - 1))];
        }
        finally
        {
            load.DisposeAsync().AsTask().Wait();
        }
    }

    private static (double Cpu, double Allocated) PerChunk(HostCounters before, HostCounters after)
    {
        var chunks = after.Chunks - before.Chunks;
        return ((after.Cpu - before.Cpu) / chunks, (double)(after.Allocated - before.Allocated) / chunks);
    }

    private static double StepSeconds(IStepModel model, int batch, int committed, int lookAhead)
    {
        using var arena = new StateArena(model.CreateMemory(batch));
        var requests = Enumerable.Range(0, batch)
            .Select(_ => StepBenchmark.Request(arena, model.Model.Config, committed, lookAhead)).ToArray();
        return CpuSeconds(() => model.Step(requests), Repetitions);
    }

    /// <summary>Processor time of this process, which does nothing else; the median.</summary>
    public static double CpuSeconds(Action work, int repetitions)
    {
        work();
        work();
        var seconds = new List<double>();
        for (var i = 0; i < repetitions; i++)
        {
            var before = Environment.CpuUsage.TotalTime;
            work();
            seconds.Add((Environment.CpuUsage.TotalTime - before).TotalSeconds);
        }
        return seconds.Median();
    }
}
