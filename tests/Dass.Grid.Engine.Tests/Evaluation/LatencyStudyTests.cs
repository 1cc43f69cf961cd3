using System.Runtime.InteropServices;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tests.Features;
using Dass.Grid.Evaluation;
using Dass.Grid.Evaluation.Latency;

namespace Dass.Grid.Engine.Tests.Evaluation;

public sealed class LatencyStudyTests
{
    private static readonly TimeSpan Chunk = TimeSpan.FromSeconds(0.96);

    [Fact]
    public async Task Streams_and_windows_average_the_last_window_over_the_same_hops()
    {
        await using var engine = await StreamedInference.StartAsync(Fixtures.Path("golden/tiny"), StepPrecision.Fp32, default);
        var clip = await StreamedInference.DecodeAsync(Fixtures.Path("babble.wav"), 3 * 16_000, default);
        var options = new StreamSessionOptions { Chunk = Chunk, LookAhead = TimeSpan.Zero };

        // A chunk over the first hop is a window over the first hop; from then on a stream has had more than a short window.
        var first = clip[..(int)(0.96 * 16_000)];
        Equal(
            await LatencyStudy.WindowsAsync(engine, first, Chunk, default),
            await LatencyStudy.StreamAsync(engine, first, options, default));

        var windows = new List<float[]>();
        foreach (var end in (double[])[0.96, 1.92, 2.88, 3])
        {
            windows.Add(await LatencyStudy.WindowsAsync(engine, clip[..(int)(end * 16_000)], TimeSpan.FromSeconds(10.24), default));
        }
        Equal(Mean(windows), await LatencyStudy.WindowsAsync(engine, clip, Chunk, default));

        var chunks = new List<float[]>();
        await using var source = new RawAudioSource(
            new MemoryStream(MemoryMarshal.AsBytes<float>(clip).ToArray()), new AudioFormat(SampleEncoding.Float32, 16_000, 1));
        await StreamedInference.RunAsync(engine, source, options, chunk => chunks.Add(chunk.WindowScores), default);
        Assert.Equal(windows.Count, chunks.Count);
        Equal(Mean(chunks), await LatencyStudy.StreamAsync(engine, clip, options, default));
    }

    private static float[] Mean(List<float[]> rows) => [.. rows[0].Select((_, label) => rows.Average(row => row[label]))];

    private static void Equal(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
    }
}
