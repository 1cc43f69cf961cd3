using System.Diagnostics;
using Dass.Grid.V1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Dass.Grid.Benchmarks;

/// <summary>
/// What many streams cost a host that send nothing: those whose client is there, and those that wait in the store. A first round of as many
/// streams has its memory before: what is measured is held for the second round's streams, not for code, pools and slots.
/// </summary>
internal static class QuietBenchmark
{
    private const int Streams = 10_000;
    private const int CallsPerConnection = 100;
    private const int Beginning = 64; // at once
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(60); // HibernateAfter, two upkeeps, and what is written then
    private static readonly TimeSpan Span = TimeSpan.FromSeconds(30); // two upkeeps

    public static IEnumerable<Figure> Run()
    {
        var store = Directory.CreateTempSubdirectory("dass-quiet-");
        var host = HostBenchmark.StartHost(out var address, HostProcess.Quiet, store.FullName);
        try
        {
            var idle = Settle(host);
            using (new Clients(address, "first"))
            {
                Thread.Sleep(Settled);
            }
            var before = Settle(host);
            var began = Stopwatch.GetTimestamp();
            var clients = new Clients(address, "second");
            var begun = Stopwatch.GetElapsedTime(began);
            var attached = Settle(host);
            var attachedCpu = CpuFor(host);
            clients.Dispose();
            var asleep = Settle(host);
            var asleepCpu = CpuFor(host);
            yield return new Figure(
                $"{Streams:N0} streams begin through gRPC, {Beginning} at once", $"{begun.TotalSeconds:0.0} s",
                $"{Streams / begun.TotalSeconds:N0} a second", begun.TotalSeconds);
            yield return Held("a silent stream with its client", attached, before, idle);
            yield return Used("the same", attachedCpu);
            yield return Held("a stream that waits in the store", asleep, before, idle);
            yield return Used("the same", asleepCpu);
        }
        finally
        {
            HostBenchmark.End(host);
            store.Delete(recursive: true);
        }
    }

    private static HostCounters Settle(Process host)
    {
        Thread.Sleep(Settled);
        return HostBenchmark.Ask(host, HostProcess.Collect);
    }

    private static double CpuFor(Process host)
    {
        var before = HostBenchmark.Ask(host, "");
        Thread.Sleep(Span);
        var after = HostBenchmark.Ask(host, "");
        return (after.Cpu - before.Cpu) / (after.Wall - before.Wall);
    }

    private static Figure Held(string what, HostCounters with, HostCounters without, HostCounters idle)
    {
        var bytes = (double)(with.Resident - without.Resident) / Streams;
        return new Figure(
            $"{what}: resident memory", $"{bytes / 1e3:0.0} kB",
            $"the host has {with.Resident / 1e6:0} MB, {(double)with.Resident / idle.Resident:0.00} x as much as without a stream", bytes);
    }

    private static Figure Used(string what, double cores) => new(
        $"{what}: processor", $"{cores / Streams * 1e6:0.0} µs a second", $"all of them {cores:P1} of a core", cores / Streams * 1e6);

    /// <summary>Each has sent a chunk's audio, and sends no more. They go without a word.</summary>
    private sealed class Clients : IDisposable
    {
        private readonly GrpcChannel[] _channels;
        private readonly AsyncDuplexStreamingCall<StreamRequest, StreamResponse>[] _calls;

        public Clients(Uri address, string prefix)
        {
            _channels = [.. Enumerable.Range(0, Streams / CallsPerConnection).Select(_ => GrpcChannel.ForAddress(address))];
            _calls = new AsyncDuplexStreamingCall<StreamRequest, StreamResponse>[Streams];
            var audio = UnsafeByteOperations.UnsafeWrap(HostProcess.Noise());
            Parallel.ForAsync(0, Streams, new ParallelOptions { MaxDegreeOfParallelism = Beginning }, async (i, stop) =>
            {
                _calls[i] = new Tagging.TaggingClient(_channels[i / CallsPerConnection]).Stream(cancellationToken: CancellationToken.None);
                await _calls[i].RequestStream.WriteAsync(new StreamRequest
                {
                    Config = new StreamConfig
                    {
                        StreamId = $"{prefix}-{i}",
                        Format = new AudioFormat { Encoding = Encoding.Pcm16, SampleRateHz = 16_000, Channels = 1 },
                    },
                }, stop);
                await _calls[i].ResponseStream.MoveNext(stop);
                await _calls[i].RequestStream.WriteAsync(new StreamRequest { Audio = new Audio { Data = audio } }, stop);
            }).GetAwaiter().GetResult();
        }

        public void Dispose()
        {
            Array.ForEach(_calls, call => call.Dispose());
            Array.ForEach(_channels, channel => channel.Dispose());
        }
    }
}
