using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Engine.Tests.Streaming;

/// <summary>A device that runs out of memory, and one that is lost.</summary>
public sealed class FailingDeviceTests : IAsyncLifetime
{
    private readonly FailingModel _model = new();
    private readonly StreamEngine _engine;

    public FailingDeviceTests() => _engine = new StreamEngine(
        _model,
        new EngineOptions
        {
            MaxStreams = 8, Threads = 1, Batcher = { MaxBatch = 4, MaxCatchUpBatch = 4, MaxWait = TimeSpan.FromSeconds(1) },
        },
        warmUp: false);

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => _engine.DisposeAsync().AsTask();

    [Fact]
    public async Task A_batch_that_the_memory_does_not_hold_runs_in_halves_and_later_ones_are_no_larger()
    {
        _model.LargestBatch = 2;
        var sessions = Open(4);
        Assert.All(await Task.WhenAll(sessions.Select(session => PushAsync(session))), chunks => Assert.Single(chunks));
        Assert.Equal([4, 2, 2], _model.Batches);

        _model.LargestBatch = 4;
        Assert.All(await Task.WhenAll(sessions.Select(session => PushAsync(session))), chunks => Assert.Single(chunks));
        Assert.All(_model.Batches.Skip(1), size => Assert.True(size <= 2));
        Assert.Equal(8, _engine.Slots.Capacity);
    }

    [Fact]
    public async Task Long_steps_that_the_memory_does_not_hold_leave_short_ones_their_batches_and_the_device_its_slots()
    {
        const int Long = 448; // frames
        var options = new StreamSessionOptions { Chunk = TimeSpan.FromSeconds(3.84) };
        _model.MostFrames = 1000;
        var sessions = Open(4, options);
        Assert.All(await Task.WhenAll(sessions.Select(session => PushAsync(session, Long))), chunks => Assert.Single(chunks));
        Assert.Equal([4, 2, 2], _model.Batches);
        Assert.All(await Task.WhenAll(Open(4).Select(session => PushAsync(session))), chunks => Assert.Single(chunks));
        Assert.Equal([4, 2, 2, 4], _model.Batches);

        _model.MostFrames = 400;
        await Assert.ThrowsAsync<DeviceMemoryException>(() => PushAsync(sessions[0], Long));
        Assert.Equal((8, 8), _engine.Slots);
        sessions[0].Dispose();
        Assert.Single(await PushAsync(Open(1)[0]));
    }

    [Fact]
    public void An_engine_that_cannot_start_keeps_nothing()
    {
        FailingModel[] models = [new(), new() { Lost = true }, new()];
        Assert.Throws<DeviceLostException>(() => new StreamEngine(models, new EngineOptions { MaxStreams = 8, Threads = 1 }));
        Assert.True(SpinWait.SpinUntil(
            () => models.All(model => model is { IsReleased: true, HoldsMemory: false }), TimeSpan.FromMinutes(1)));
    }

    [Fact]
    public async Task Without_memory_for_a_single_step_no_more_slots_are_given_out_and_the_stream_goes_on_later()
    {
        _model.LargestBatch = 0;
        var session = Open(2)[0];
        await Assert.ThrowsAsync<DeviceMemoryException>(() => PushAsync(session));
        Assert.Equal((2, 2), _engine.Slots);
        Assert.Throws<NoFreeSlotException>(() => Open(1));

        _model.LargestBatch = 4;
        var chunks = new List<ChunkScores>();
        await session.PushAsync(ReadOnlyMemory<byte>.Empty, chunks, CancellationToken.None);
        Assert.Single(chunks);
    }

    [Fact]
    public async Task A_device_that_is_lost_while_nothing_runs_is_noticed_by_the_next_stream()
    {
        _model.Lost = true;
        Assert.False(_engine.Loss.IsCompleted);
        Assert.Throws<DeviceLostException>(() => Open(1));
        Assert.Equal("the card has fallen off the bus", (await _engine.Loss.WaitAsync(TimeSpan.FromMinutes(1))).Message);
        Assert.Empty(_model.Batches);
    }

    [Fact]
    public async Task A_lost_device_fails_what_runs_waits_and_comes_and_gives_no_state_away()
    {
        var sessions = Open(6); // four in the batch, two that wait
        _model.Lost = true;
        foreach (var push in sessions.Select(session => PushAsync(session)).ToArray())
        {
            var loss = await Assert.ThrowsAsync<DeviceLostException>(() => push);
            Assert.Equal("the card has fallen off the bus", loss.Message);
        }
        Assert.Equal("the card has fallen off the bus", (await _engine.Loss).Message);

        _model.Lost = false; // a device that comes back has none of the states
        await Assert.ThrowsAsync<DeviceLostException>(() => PushAsync(sessions[0]));
        Assert.Throws<DeviceLostException>(() => sessions[0].Save(new System.Buffers.ArrayBufferWriter<byte>()));
        Assert.Throws<DeviceLostException>(() => Open(1));
        Assert.Equal([4], _model.Batches);
    }

    [Fact]
    public void The_rate_is_that_of_the_best_batch_size_and_follows_what_is_measured_later()
    {
        var rate = new StepRate(threads: 2);
        Assert.Equal(0, rate.Streams);
        rate.Add(size: 1, audioSeconds: 0.96, busySeconds: 0.096);
        rate.Add(size: 8, audioSeconds: 8 * 0.96, busySeconds: 0.384);
        Assert.Equal(40, rate.Streams, 1e-9);

        for (var i = 0; i < 1000; i++)
        {
            rate.Add(size: 8, audioSeconds: 8 * 0.96, busySeconds: 0.768); // a neighbour takes half of the cores
        }
        Assert.Equal(20, rate.Streams, 1e-3);
    }

    [Fact]
    public async Task An_engine_knows_its_rate_before_its_first_stream()
    {
        using var model = new FailingModel();
        await using var engine = new StreamEngine(model, new EngineOptions { MaxStreams = 8, Threads = 1 });
        Assert.True(engine.Rate > 0);
        Assert.Equal([1, 2, 4, 8, 8], model.Batches); // the last one measures
        Assert.Equal((8, 0), engine.Slots);
    }

    private StreamSession[] Open(int count, StreamSessionOptions? options = null) => [.. Enumerable.Range(0, count).Select(
        _ => _engine.Open(new AudioFormat(SampleEncoding.Pcm16, 16_000, 1), options ?? new StreamSessionOptions()))];

    /// <summary>One chunk with its look-ahead.</summary>
    private static async Task<List<ChunkScores>> PushAsync(StreamSession session, int frames = 160)
    {
        var chunks = new List<ChunkScores>();
        await session.PushAsync(new byte[2 * (frames * 160 + 240)], chunks, CancellationToken.None);
        return chunks;
    }

    /// <summary>Steps cost nothing, until they fail.</summary>
    private sealed class FailingModel : IStepModel
    {
        private readonly Lock _gate = new();
        private readonly List<int> _batches = [];

        public int LargestBatch { get; set; } = int.MaxValue;

        public int MostFrames { get; set; } = int.MaxValue;

        public bool Lost { get; set; }

        public bool IsReleased { get; private set; }

        public bool HoldsMemory { get; private set; }

        public int[] Batches
        {
            get
            {
                lock (_gate)
                {
                    return [.. _batches];
                }
            }
        }

        public DassModel Model => TinyModel.Instance;

        public StepDefaults Defaults => StepDefaults.Batches(8);

        public StateLayout StateLayout { get; } = new(TinyModel.Instance.Config);

        public SlotMemory CreateMemory(int slots)
        {
            HoldsMemory = true;
            return new Memory(this, slots);
        }

        public void ThrowIfLost()
        {
            if (Lost)
            {
                throw new DeviceLostException("the card has fallen off the bus");
            }
        }

        public void Step(ReadOnlySpan<StepRequest> batch)
        {
            lock (_gate)
            {
                _batches.Add(batch.Length);
            }
            ThrowIfLost();
            if (batch.Length > LargestBatch || batch.Length * batch[0].Frames > MostFrames)
            {
                throw new DeviceMemoryException("no memory is left");
            }
            foreach (var step in batch)
            {
                step.ColumnSums.Fill(1);
                step.Slot.CommittedFrames += step.Committed;
            }
        }

        public void Dispose() => IsReleased = true;

        /// <summary>No state is of interest here.</summary>
        private sealed class Memory(FailingModel model, int slots) : SlotMemory(slots, model.StateLayout.Length)
        {
            public override void Read(int slot, Span<float> to)
            {
                model.ThrowIfLost();
                to.Clear();
            }

            public override void Write(int slot, ReadOnlySpan<float> from) => model.ThrowIfLost();

            public override void Clear(int slot) => model.ThrowIfLost();

            public override void Dispose() => model.HoldsMemory = false;
        }
    }
}
