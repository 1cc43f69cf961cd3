using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Engine.Tests.Streaming;

/// <summary>Sessions on a device that is too slow, fails, or stops.</summary>
public sealed class BusySessionTests : IAsyncLifetime
{
    private const int StepSamples = 96 * 160;

    private readonly GatedModel _model = new();
    private readonly StreamEngine _engine;

    public BusySessionTests() => _engine = new StreamEngine(
        _model,
        new EngineOptions
        {
            MaxStreams = 4,
            Threads = 1,
            MaxBacklog = TimeSpan.FromSeconds(2),
            Batcher = { MaxBatch = 1, MaxWait = TimeSpan.Zero, QueueCapacity = 1 },
        },
        warmUp: false);

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        _model.Allow(1000);
        await _engine.DisposeAsync();
    }

    [Fact]
    public async Task With_a_full_queue_audio_stays_taken_in_up_to_the_backlog_and_no_tag_is_lost()
    {
        var (blocker, waiter) = await FillQueueAsync();
        using var session = _engine.Open(EngineFixture.Pcm16, new StreamSessionOptions());
        var tags = new List<ChunkScores>();
        await session.PushAsync(EngineFixture.Babble(0, StepSamples), tags, default);
        await Assert.ThrowsAsync<StepQueueFullException>(() => Push(session, tags, 2 * StepSamples));
        Assert.Equal(3 * StepSamples, session.AppliedSamples);

        await Assert.ThrowsAsync<StepQueueFullException>(() => Push(session, tags, 2 * StepSamples));
        Assert.Equal(3 * StepSamples, session.AppliedSamples);
        Assert.Empty(tags);

        _model.Allow(1000);
        await Task.WhenAll(blocker, waiter);
        await Push(session, tags, 2 * StepSamples);
        await session.CompleteAsync(tags, default);
        Assert.Equal([0, 1, 2, 3, 4], tags.Select(tag => tag.Index));
        Assert.Equal(5 * 0.96, tags[^1].EndSeconds, 1e-9);
    }

    [Fact]
    public async Task A_cancelled_push_keeps_its_audio_and_its_tags_for_the_next_call()
    {
        using var session = _engine.Open(EngineFixture.Pcm16, EngineFixture.Options(96, 0));
        using var cancellation = new CancellationTokenSource();
        var tags = new List<ChunkScores>();
        var pushing = session.PushAsync(EngineFixture.Babble(0, 3 * StepSamples + 400), tags, cancellation.Token).AsTask();
        await _model.Entered();
        cancellation.Cancel();
        _model.Allow();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pushing);
        Assert.Empty(tags);
        Assert.Equal(3 * StepSamples + 400, session.AppliedSamples);
        Assert.Equal(1, session.Summary().Chunks);

        _model.Allow(1000);
        await session.CompleteAsync(tags, default);
        Assert.Equal([0, 1, 2, 3], tags.Select(tag => tag.Index));
    }

    [Fact]
    public async Task A_failed_step_is_tried_again_with_the_next_push()
    {
        using var session = _engine.Open(EngineFixture.Pcm16, EngineFixture.Options(96, 0));
        var tags = new List<ChunkScores>();
        _model.Fails = true;
        _model.Allow(1000);
        await Assert.ThrowsAsync<StepFailedException>(() => Push(session, tags, StepSamples + 400));
        _model.Fails = false;
        await Push(session, tags, 0);
        Assert.Equal(0, Assert.Single(tags).Index);
    }

    [Fact]
    public async Task Disposing_a_session_during_its_step_ends_the_call_and_frees_the_slot_after_the_step()
    {
        var session = _engine.Open(EngineFixture.Pcm16, EngineFixture.Options(96, 0));
        var pushing = session.PushAsync(EngineFixture.Babble(0, 3 * StepSamples), [], default).AsTask();
        await _model.Entered();
        session.Dispose();
        session.Dispose();
        Assert.Equal(1, _engine.Slots.Used);
        _model.Allow();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => pushing);
        Assert.Equal(0, _engine.Slots.Used);
    }

    [Fact]
    public async Task A_second_call_during_a_call_is_refused()
    {
        using var session = _engine.Open(EngineFixture.Pcm16, EngineFixture.Options(96, 0));
        var pushing = session.PushAsync(EngineFixture.Babble(0, StepSamples + 400), [], default).AsTask();
        await _model.Entered();
        await Assert.ThrowsAsync<InvalidOperationException>(() => Push(session, [], 1));
        _model.Allow();
        await pushing;
    }

    [Fact]
    public void A_stream_beyond_the_last_slot_is_refused_and_a_closed_one_makes_room()
    {
        var sessions = Enumerable.Range(0, 4).Select(_ => _engine.Open(EngineFixture.Pcm16, new StreamSessionOptions())).ToArray();
        Assert.Throws<NoFreeSlotException>(() => _engine.Open(EngineFixture.Pcm16, new StreamSessionOptions()));
        sessions[2].Dispose();
        _engine.Open(EngineFixture.Pcm16, new StreamSessionOptions()).Dispose();
        Array.ForEach(sessions, session => session.Dispose());
        Assert.Equal((4, 0), _engine.Slots);
    }

    [Fact]
    public async Task Sessions_outlive_their_engine_without_harm()
    {
        using var session = _engine.Open(EngineFixture.Pcm16, EngineFixture.Options(96, 0));
        await _engine.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => Push(session, [], StepSamples + 400));
        session.Save(new System.Buffers.ArrayBufferWriter<byte>());
    }

    // One stream's step runs, another's waits.
    private async Task<(Task Running, Task Waiting)> FillQueueAsync()
    {
        StreamSession Open() => _engine.Open(EngineFixture.Pcm16, EngineFixture.Options(96, 0));
        var running = Push(Open(), [], StepSamples + 400);
        await _model.Entered();
        return (running, Push(Open(), [], StepSamples + 400));
    }

    private static Task Push(StreamSession session, List<ChunkScores> tags, int samples) =>
        session.PushAsync(EngineFixture.Babble(0, samples), tags, default).AsTask();
}
