using System.Diagnostics;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Host;
using Dass.Grid.V1;
using Google.Protobuf;
using Grpc.Net.Client;
using AudioFormat = Dass.Grid.Engine.Audio.AudioFormat;

namespace Dass.Grid.Benchmarks;

/// <summary>
/// One stream through gRPC, gateway and grain against the bare session; and the memory of a process whose stream grows old.
/// </summary>
internal static class GridBenchmark
{
    private const int SampleRateHz = 16_000;
    private const int PieceSeconds = 1;

    public static IEnumerable<Figure> Run(int repetitions)
    {
        using var small = new BenchmarkModel();
        return CompareAsync(small.Folder, repetitions).GetAwaiter().GetResult();
    }

    /// <summary>Resident memory at one minute and at three hours of audio, sent as fast as the grid takes it.</summary>
    public static IEnumerable<Figure> RunMemory() => [GrowAsync().GetAwaiter().GetResult()];

    private static async Task<Figure[]> CompareAsync(string model, int repetitions)
    {
        const int Seconds = 30;
        await using var engine = await StreamEngine.StartAsync(
            new EngineOptions { ModelDirectory = model, MaxStreams = 1, Threads = 1, Batcher = new() { MaxBatch = 1 } });
        await using var grid = await EmbeddedGrid.StartAsync(
            new EmbeddedGridOptions { ModelDirectory = model, MaxStreams = 1, Threads = 1 });
        using var channel = GrpcChannel.ForAddress(grid.Address);
        var ratios = new List<double>();
        for (var i = -1; i < repetitions; i++)
        {
            var bare = await Time(() => BareAsync(engine, Seconds));
            var whole = await Time(() => StreamAsync(channel, Seconds, _ => { }));
            if (i >= 0)
            {
                ratios.Add(whole / bare);
            }
        }
        var ratio = ratios.Median();
        return [
            new Figure(
                "30 s of DASS-small through gRPC, gateway and grain", $"{ratio:0.00} x the bare session's time",
                $"{(ratio - 1) * 100:0.0} % more", ratio)
        ];
    }

    private static async Task<Figure> GrowAsync()
    {
        await using var grid = await EmbeddedGrid.StartAsync(new EmbeddedGridOptions { MaxStreams = 1, Threads = 1 });
        using var channel = GrpcChannel.ForAddress(grid.Address);
        const int Hours = 3;
        // The process warms up: compiled code and pools have their size before the stream begins.
        await StreamAsync(channel, (Hours - 1) * 3600, _ => { });
        double young = 0;
        await StreamAsync(channel, Hours * 3600, second =>
        {
            if (second == 60)
            {
                young = ResidentMegabytes();
            }
        });
        var old = ResidentMegabytes();
        return new Figure(
            "resident memory of a warm grid, one stream at 3 h of audio", $"{old:0} MB",
            $"{old / young:0.000} x that at 1 min ({young:0} MB)", old / young);
    }

    private static double ResidentMegabytes()
    {
        // What is held, not what the collector keeps in reserve.
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64 / 1e6;
    }

    private static async Task<double> Time(Func<Task> work)
    {
        var start = Stopwatch.GetTimestamp();
        await work();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static async Task BareAsync(StreamEngine engine, int seconds)
    {
        using var session = engine.Open(new AudioFormat(SampleEncoding.Pcm16, SampleRateHz, 1), new StreamSessionOptions());
        var tags = new List<ChunkScores>();
        for (var second = 0; second < seconds; second += PieceSeconds)
        {
            await session.PushAsync(Piece, tags, CancellationToken.None);
        }
        await session.CompleteAsync(tags, CancellationToken.None);
    }

    private static async Task StreamAsync(GrpcChannel channel, int seconds, Action<int> onSecond)
    {
        using var call = new Tagging.TaggingClient(channel).Stream();
        await call.RequestStream.WriteAsync(new StreamRequest
        {
            Config = new StreamConfig
            {
                Format = new V1.AudioFormat { Encoding = Encoding.Pcm16, SampleRateHz = SampleRateHz, Channels = 1 },
            },
        });
        var reading = Task.Run(async () =>
        {
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
            {
            }
        });
        var data = UnsafeByteOperations.UnsafeWrap(Piece);
        for (var second = 0; second < seconds; second += PieceSeconds)
        {
            await call.RequestStream.WriteAsync(new StreamRequest { Audio = new Audio { Data = data } });
            onSecond(second);
        }
        await call.RequestStream.WriteAsync(new StreamRequest { Finish = new Finish() });
        await call.RequestStream.CompleteAsync();
        await reading;
    }

    private static readonly byte[] Piece = Noise();

    private static byte[] Noise()
    {
        var bytes = new byte[SampleRateHz * 2 * PieceSeconds];
        new Random(3).NextBytes(bytes);
        return bytes;
    }
}
