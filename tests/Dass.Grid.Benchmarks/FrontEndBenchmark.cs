using System.Diagnostics;
using Dass.Grid.Engine.Features;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Benchmarks;

/// <summary>The log-mel filter bank on one core, fed with the 20 ms packets of a live stream.</summary>
internal static class FrontEndBenchmark
{
    private const int PacketSamples = 320;
    private const int AudioSeconds = 10;
    private const int WarmUps = 200; // code in its first tier takes twice as long

    public static IEnumerable<Figure> Run(int repetitions)
    {
        var random = new Random(7);
        var audio = Enumerable.Range(0, AudioSeconds * FrameRate.SampleRateHz).Select(_ => random.NextSingle() * 2 - 1).ToArray();
        var config = new DassConfig { Dims = [96, 192, 384, 768], Depths = [2, 2, 8, 2], LabelCount = 527 };
        var logMel = new LogMel(new LogMelTables(config));
        var frames = new FrameBuffer(config.MelBins);
        var seconds = new List<double>();
        for (var i = -WarmUps; i < repetitions; i++)
        {
            var start = Stopwatch.GetTimestamp();
            for (var at = 0; at < audio.Length; at += PacketSamples)
            {
                logMel.Push(audio.AsSpan(at, PacketSamples), frames);
                frames.Drop(frames.Count);
            }
            if (i >= 0)
            {
                seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
        }
        var realTime = AudioSeconds / seconds.Median();
        yield return new Figure("log-mel features", $"{realTime:0} x real time", $"{1e6 / realTime / 100:0.0} µs per frame", realTime);
    }
}
