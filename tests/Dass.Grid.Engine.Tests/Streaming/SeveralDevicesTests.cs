using System.Buffers;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Engine.Tests.Streaming;

/// <summary>An engine with two emulated devices.</summary>
public sealed class SeveralDevicesTests : IAsyncLifetime
{
    private readonly LosableModel[] _models = [new(), new()];
    private readonly StreamEngine _engine;

    public SeveralDevicesTests()
    {
        var made = 0;
        var options = new EngineOptions
        {
            MaxStreams = 7, StepModel = StepModelKind.DeviceOnCpu, DeviceCount = 2, Threads = 1, Batcher = { MaxBatch = 2 },
            WrapStepModel = inner => _models[made++] = new LosableModel { Inner = inner },
        };
        _engine = new StreamEngine(StepModels.Create(TinyModel.Instance, options), options);
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => _engine.DisposeAsync().AsTask();

    [Fact]
    public void Streams_are_spread_over_the_devices_until_the_slots_of_all_are_taken()
    {
        Assert.Equal([0, 1], _engine.Devices.Select(device => device.Index));
        Assert.Equal((8, 0), _engine.Slots); // seven, in equal parts
        Assert.True(_engine.Rate > 0);
        Assert.Equal(2 * DeviceInfo.Processor.MemoryBytes, _engine.FreeDeviceMemory);
        var sessions = Enumerable.Range(0, 8).Select(_ => _engine.Open(EngineFixture.Pcm16, new StreamSessionOptions())).ToArray();
        Assert.Equal([4, 4], sessions.CountBy(session => session.Device.Index).OrderBy(count => count.Key).Select(count => count.Value));
        Assert.Throws<NoFreeSlotException>(() => _engine.Open(EngineFixture.Pcm16, new StreamSessionOptions()));
        sessions[3].Dispose();
        using var next = _engine.Open(EngineFixture.Pcm16, new StreamSessionOptions());
        Assert.Same(sessions[3].Device, next.Device);
    }

    [Fact]
    public async Task A_stream_is_the_same_on_each_device_and_goes_on_from_one_to_the_other()
    {
        using var first = Open(device: 0);
        var (expected, actual) = (new List<ChunkScores>(), new List<ChunkScores>());
        await first.PushAsync(EngineFixture.Babble(0, 96_000), expected, default);

        var before = Open(device: 1);
        await before.PushAsync(EngineFixture.Babble(0, 48_000), actual, default);
        var snapshot = new ArrayBufferWriter<byte>();
        before.Save(snapshot);
        before.Dispose();
        using var after = On(device: 0, () => _engine.Restore(snapshot.WrittenSpan));
        await after.PushAsync(EngineFixture.Babble(48_000, 48_000), actual, default);
        EngineFixture.AssertSame(expected, actual);
    }

    [Fact]
    public async Task When_a_device_is_lost_streams_of_the_other_can_be_saved_and_none_begins()
    {
        using StreamSession gone = Open(device: 0), kept = Open(device: 1);
        var tags = new List<ChunkScores>();
        await kept.PushAsync(EngineFixture.Babble(0, 48_000), tags, default);
        _models[0].Lost = true;
        await Assert.ThrowsAsync<DeviceLostException>(() => gone.PushAsync(EngineFixture.Babble(0, 48_000), tags, default).AsTask());
        Assert.Equal("the card has fallen off the bus", (await _engine.Loss).Message);
        Assert.Throws<DeviceLostException>(() => gone.Save(new ArrayBufferWriter<byte>()));
        Assert.Throws<DeviceLostException>(() => _engine.Open(EngineFixture.Pcm16, new StreamSessionOptions()));
        var snapshot = new ArrayBufferWriter<byte>();
        kept.Save(snapshot);
        Assert.True(snapshot.WrittenCount > 0);
    }

    [Fact]
    public void An_owner_has_a_share_of_each_device_and_one_weight()
    {
        using StreamSession one = _engine.Open(EngineFixture.Pcm16, new StreamSessionOptions(), "acme"),
            other = _engine.Open(EngineFixture.Pcm16, new StreamSessionOptions(), "acme");
        _engine.Weigh("acme", 3);
        Assert.Same(one.Owner, other.Owner);
        Assert.Equal([3, 3], one.Owner.Shares.Select(share => share.Weight));
        Assert.Throws<ArgumentOutOfRangeException>(() => _engine.Weigh("acme", 0));
    }

    private StreamSession Open(int device) => On(device, () => _engine.Open(EngineFixture.Pcm16, new StreamSessionOptions()));

    private static StreamSession On(int device, Func<StreamSession> open)
    {
        var passed = new List<StreamSession>();
        while (true)
        {
            var session = open();
            if (session.Device.Index == device)
            {
                passed.ForEach(other => other.Dispose());
                return session;
            }
            passed.Add(session);
        }
    }

    private sealed class LosableModel : IStepModel
    {
        public IStepModel Inner { get; init; } = null!;

        public bool Lost { get; set; }

        public DassModel Model => Inner.Model;

        public StateLayout StateLayout => Inner.StateLayout;

        public DeviceInfo DeviceInfo => Inner.DeviceInfo;

        public long? FreeDeviceMemory => Inner.FreeDeviceMemory;

        public StepDefaults Defaults => Inner.Defaults;

        public SlotMemory CreateMemory(int slots) => Inner.CreateMemory(slots);

        public void Step(ReadOnlySpan<StepRequest> batch)
        {
            if (Lost)
            {
                throw new DeviceLostException("the card has fallen off the bus");
            }
            Inner.Step(batch);
        }

        public void Dispose() => Inner.Dispose();
    }
}
