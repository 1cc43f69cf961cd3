using System.Diagnostics;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Benchmarks;

/// <summary>
/// What one owner's flood costs another owner's live streams: the time from a chunk's last audio to its tags, alone and beside the flood.
/// </summary>
internal static class FairnessBenchmark
{
    private const int LiveStreams = 20;
    private const int FloodStreams = 100;
    private const int SampleRateHz = 16_000;
    private static readonly TimeSpan Chunk = TimeSpan.FromSeconds(0.96);

    public static IEnumerable<Figure> Run(int seconds) => CompareAsync(seconds).GetAwaiter().GetResult();

    private static async Task<Figure[]> CompareAsync(int seconds)
    {
        await using var engine = await StreamEngine.StartAsync(new EngineOptions());
        var figures = new List<Figure>();
        double[]? alone = null;
        foreach (var flood in new[] { 0, FloodStreams })
        {
            using var ending = new CancellationTokenSource();
            var floods = Enumerable.Range(0, flood).Select(_ => FloodAsync(engine, ending.Token)).ToArray();
            await Task.Delay(TimeSpan.FromSeconds(2)); // the flood's streams are ahead of real time by then
            var live = await Task.WhenAll(
                Enumerable.Range(0, LiveStreams).Select(stream => LiveAsync(engine, Chunk * stream / LiveStreams, seconds)));
            await ending.CancelAsync();
            var flooded = (await Task.WhenAll(floods)).Sum();
            double[] waits = [.. live.SelectMany(wait => wait).Order()];
            alone ??= waits;
            figures.Add(new Figure(
                flood == 0
                    ? $"{LiveStreams} live streams alone: tags after a chunk's last audio"
                    : $"the same beside {flood} streams of another owner that come as fast as they are taken",
                $"p50 {At(waits, 0.5):0.0} ms, p99 {At(waits, 0.99):0.0} ms",
                flood == 0
                    ? ""
                    : $"p50 {At(waits, 0.5) / At(alone, 0.5):0.00} x, p99 {At(waits, 0.99) / At(alone, 0.99):0.00} x; "
                    + $"the flood at {flooded / seconds:0} x real time",
                At(waits, 0.99)));
        }
        return [.. figures];
    }

    private static double At(double[] sorted, double share) => sorted[(int)(share * (sorted.Length - 1))] * 1000;

    private static async Task<List<double>> LiveAsync(StreamEngine engine, TimeSpan offset, int seconds)
    {
        using var session = engine.Open(new AudioFormat(SampleEncoding.Pcm16, SampleRateHz, 1), new StreamSessionOptions(), "live");
        var (tags, waits) = (new List<ChunkScores>(), new List<double>());
        var began = Stopwatch.GetTimestamp();
        for (var chunk = 1; chunk * Chunk < TimeSpan.FromSeconds(seconds); chunk++)
        {
            var due = offset + chunk * Chunk;
            if (due - Stopwatch.GetElapsedTime(began) is var pause && pause > TimeSpan.Zero)
            {
                await Task.Delay(pause);
            }
            await session.PushAsync(Piece, tags, CancellationToken.None);
            if (tags.Count > 0)
            {
                waits.Add((Stopwatch.GetElapsedTime(began) - due).TotalSeconds);
                tags.Clear();
            }
        }
        return waits;
    }

    private static async Task<double> FloodAsync(StreamEngine engine, CancellationToken ending)
    {
        await Task.Yield();
        using var session = engine.Open(new AudioFormat(SampleEncoding.Pcm16, SampleRateHz, 1), new StreamSessionOptions(), "flood");
        var (tags, flooded) = (new List<ChunkScores>(), 0.0);
        while (!ending.IsCancellationRequested)
        {
            await session.PushAsync(Piece, tags, CancellationToken.None);
            tags.Clear();
            flooded += Chunk.TotalSeconds;
        }
        return flooded;
    }

    private static readonly byte[] Piece = Noise();

    private static byte[] Noise()
    {
        var bytes = new byte[(int)(SampleRateHz * Chunk.TotalSeconds) * 2];
        new Random(3).NextBytes(bytes);
        return bytes;
    }
}
