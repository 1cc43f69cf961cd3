using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Engine.Tests.Features;

namespace Dass.Grid.Engine.Tests.Streaming;

/// <summary>An engine on the tiny golden checkpoint, one stream per batch, and short ways to feed it.</summary>
public sealed class EngineFixture : IAsyncLifetime
{
    public static readonly AudioFormat Pcm16 = new(SampleEncoding.Pcm16, 16_000, 1);

    internal StreamEngine Engine { get; } = Create(Tiny(), maxBatch: 1);

    /// <summary>The checkpoint as the suite runs it.</summary>
    internal static IStepModel Tiny() => StepModels.Create(TinyModel.Instance, new EngineOptions())[0];

    internal static StreamEngine Create(IStepModel model, int maxBatch, int queueCapacity = 64, int slots = 32) =>
        new(model, new EngineOptions
        {
            MaxStreams = slots,
            Threads = 1,
            Batcher = new StepBatcherOptions { MaxBatch = maxBatch, MaxWait = TimeSpan.Zero, QueueCapacity = queueCapacity },
        });

    internal static StreamSessionOptions Options(int chunkFrames, int lookAheadFrames) =>
        new() { Chunk = TimeSpan.FromMilliseconds(10 * chunkFrames), LookAhead = TimeSpan.FromMilliseconds(10 * lookAheadFrames) };

    /// <summary>PCM16 bytes of babble from a sample on.</summary>
    internal static ReadOnlyMemory<byte> Babble(int firstSample, int samples) =>
        Fixtures.BabblePcm16.AsMemory(2 * firstSample, 2 * samples);

    /// <summary>Tags a whole stream that is pushed in the given cuts (samples) and then at once.</summary>
    internal async Task<(List<ChunkScores> Tags, StreamSummary Summary)> TagAsync(
        ReadOnlyMemory<byte> audio, StreamSessionOptions options, params int[] cuts)
    {
        using var session = Engine.Open(Pcm16, options);
        var tags = new List<ChunkScores>();
        foreach (var cut in cuts)
        {
            var bytes = Math.Min(2 * cut, audio.Length);
            await session.PushAsync(audio[..bytes], tags, default);
            audio = audio[bytes..];
        }
        await session.PushAsync(audio, tags, default);
        await session.CompleteAsync(tags, default);
        return (tags, session.Summary());
    }

    internal static void AssertSame(IReadOnlyList<ChunkScores> expected, IReadOnlyList<ChunkScores> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        foreach (var (one, other) in expected.Zip(actual))
        {
            Assert.Equal((one.Index, one.StartSeconds, one.EndSeconds), (other.Index, other.StartSeconds, other.EndSeconds));
            Assert.Equal(one.Scores, other.Scores);
            Assert.Equal(one.WindowScores, other.WindowScores);
        }
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => Engine.DisposeAsync().AsTask();
}
