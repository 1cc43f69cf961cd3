using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Engine.Tests.Streaming;

/// <summary>Counts every allocation of the process: nothing else may run beside it.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

[Collection(nameof(Alone))]
public sealed class SteadyStateTests
{
    [Fact]
    public async Task An_old_stream_allocates_no_more_than_a_young_one_and_little_but_its_tags()
    {
        const int Minutes = 10;
        const int ChunksPerMinute = 63;
        const int BytesPerChunk = 2 * 527 * sizeof(float);
        await using var engine = EngineFixture.Create(new OnnxStepModel(TinyModel.Instance), maxBatch: 1);
        using var session = engine.Open(EngineFixture.Pcm16, new StreamSessionOptions());
        var tags = new List<ChunkScores>();
        var allocated = new List<long>();
        for (var minute = 0; minute <= Minutes; minute++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            for (var second = 0; second < 60; second++)
            {
                await session.PushAsync(EngineFixture.Babble(second % 15 * 16_000, 16_000), tags, default);
                tags.Clear();
            }
            allocated.Add(GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        var young = allocated[1..(1 + Minutes / 2)].Average(); // the first minute grows the buffers
        var old = allocated[(1 + Minutes / 2)..].Average();
        Assert.True(old <= 1.1 * young, $"{old} bytes per minute after {young}.");
        Assert.True(old < 1.3 * ChunksPerMinute * BytesPerChunk, $"{old} bytes per minute.");
    }
}
