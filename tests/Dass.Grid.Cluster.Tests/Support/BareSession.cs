using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;
using Dass.Grid.V1;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>What the engine alone says of the recording: the specification of what comes through the grid.</summary>
internal static class BareSession
{
    private const float Tolerance = 1e-5f;

    private static readonly Lazy<Task<(
        List<ChunkScores> Chunks, StreamSummary Summary)>> Babbled = new(() => HearAsync(TestGrid.TinyModel));

    public static async Task AssertEqualAsync(IReadOnlyList<Tags> tags, Summary summary) => AssertEqual(await Babbled.Value, tags, summary);

    public static void AssertEqual((List<ChunkScores> Chunks, StreamSummary Summary) expected, IReadOnlyList<Tags> tags, Summary summary)
    {
        var (chunks, heard) = expected;
        AssertEqual(chunks, tags);
        Assert.Equal(chunks.Count, summary.Chunks);
        Assert.Equal(heard.DurationSeconds, summary.DurationSeconds, 1e-9);
        AssertClose(heard.Mean, summary.DenseMean);
        AssertClose(heard.Max, summary.DenseMax);
    }

    public static async Task AssertEqualAsync(IReadOnlyList<Tags> tags) => AssertEqual((await Babbled.Value).Chunks, tags);

    private static void AssertEqual(List<ChunkScores> chunks, IReadOnlyList<Tags> tags)
    {
        Assert.Equal(chunks.Select(chunk => chunk.Index), tags.Select(tag => tag.Chunk));
        foreach (var (chunk, tag) in chunks.Zip(tags))
        {
            Assert.Equal(chunk.StartSeconds, tag.StartSeconds, 1e-9);
            Assert.Equal(chunk.EndSeconds, tag.EndSeconds, 1e-9);
            AssertClose(chunk.Scores, tag.DenseChunkScores);
            AssertClose(chunk.WindowScores, tag.DenseWindowScores);
            // None of a stream that an earlier version has begun; and what is lost is no silence.
            if (tag is { Level: { } level, LostSeconds: 0 })
            {
                Assert.Equal(
                    (chunk.Level!.Value.RmsDbfs, chunk.Level.Value.PeakDbfs, chunk.Level.Value.ClippedShare),
                    (level.RmsDbfs, level.PeakDbfs, level.ClippedShare));
            }
        }
    }

    public static void AssertClose(IReadOnlyList<float> expected, IReadOnlyList<float> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        for (var i = 0; i < expected.Count; i++)
        {
            Assert.True(Math.Abs(expected[i] - actual[i]) <= Tolerance, $"Score {i}: {actual[i]} instead of {expected[i]}.");
        }
    }

    /// <param name="model">Directory; null: the built-in model.</param>
    /// <param name="fromSample">Where hearing begins.</param>
    public static Task<(List<ChunkScores> Chunks, StreamSummary Summary)> HearAsync(string? model, int fromSample = 0) =>
        HearAsync(model, Babble.Slice(fromSample, Babble.Samples - fromSample));

    public static async Task<(List<ChunkScores> Chunks, StreamSummary Summary)> HearAsync(string? model, ReadOnlyMemory<byte> audio)
    {
        await using var engine = await StreamEngine.StartAsync(new EngineOptions { ModelDirectory = model, MaxStreams = 1, Threads = 1 });
        using var session = engine.Open(
            new Engine.Audio.AudioFormat(SampleEncoding.Pcm16, Babble.SampleRateHz, 1), new StreamSessionOptions());
        var chunks = new List<ChunkScores>();
        await session.PushAsync(audio, chunks, CancellationToken.None);
        await session.CompleteAsync(chunks, CancellationToken.None);
        return (chunks, session.Summary());
    }
}
