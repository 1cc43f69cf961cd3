using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Engine.Tests.Features;

namespace Dass.Grid.Engine.Tests.Streaming;

public class StreamEngineTests
{
    [Theory]
    [InlineData(StepModelKind.Onnx)]
    [InlineData(StepModelKind.Reference)]
    public async Task A_started_engine_serves_streams(StepModelKind kind)
    {
        await using var engine = await StreamEngine.StartAsync(new EngineOptions
        {
            ModelDirectory = Fixtures.Path("golden/tiny"),
            MaxStreams = 2, // fewer than the largest batch: the warm-up makes do
            StepModel = kind,
        });
        Assert.Equal("tiny", engine.Model.Name);
        using var session = engine.Open(EngineFixture.Pcm16, new StreamSessionOptions());
        var tags = new List<ChunkScores>();
        await session.PushAsync(EngineFixture.Babble(0, 16_000), tags, default);
        await session.CompleteAsync(tags, default);
        Assert.Equal(2, tags.Count);
        Assert.Equal((2, 1), engine.Slots);
    }

    [Fact]
    public async Task A_directory_without_a_model_is_one_clear_error()
    {
        var directory = Path.Combine(AppContext.BaseDirectory, "no-such-model");
        var error = await Assert.ThrowsAsync<ModelLoadException>(
            () => StreamEngine.StartAsync(new EngineOptions { ModelDirectory = directory }));
        Assert.Contains("no-such-model", error.Message);
    }

    [Fact]
    public async Task A_cancelled_start_loads_nothing() =>
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => StreamEngine.StartAsync(new EngineOptions(), new CancellationToken(true)));
}
