using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Model.Onnx.Cuda;
using Dass.Grid.Engine.Streaming;
using Microsoft.ML.OnnxRuntime;

namespace Dass.Grid.Engine.Tests.Model.Onnx.Cuda;

public class DeviceStepModelTests
{
    private static readonly float[] Audio = LawModels.Features(3, 128);

    [Fact]
    public void At_each_refusal_of_the_device_the_step_throws_and_no_slot_has_changed()
    {
        var device = new FailingDevice();
        using var model = new DeviceStepModel(LawModels.Plain, device);
        using var arena = new StateArena(model.CreateMemory(3));
        var runs = Enumerable.Range(0, 2).Select(_ => new StreamRun(model, arena.TryRent()!)).ToArray();
        foreach (var run in runs)
        {
            run.Step(Audio, 64, 64);
        }
        var before = runs.Select(run => run.Request.Slot.Values()).ToArray();
        var refused = 0;
        for (var call = 0; ; call++)
        {
            foreach (var run in runs)
            {
                run.Prepare(Audio, 48, 32);
            }
            device.FailsAfter = call;
            try
            {
                model.Step([.. runs.Select(run => run.Request)]);
                break;
            }
            catch (Exception exception) when (exception is InvalidOperationException or OnnxRuntimeException)
            {
                Assert.Contains("refused on purpose", exception.Message, StringComparison.Ordinal);
                refused++;
            }
            device.FailsAfter = -1;
            Assert.All(runs.Zip(before), pair => Assert.Equal(pair.Second, pair.First.Request.Slot.Values()));
            Assert.All(runs, run => Assert.Equal(64, run.Request.Slot.CommittedFrames));
        }
        device.FailsAfter = -1;
        Assert.True(refused > 30, $"only {refused} calls were refused"); // copies, allocations, the kernels of five blocks
        Assert.All(runs, run => Assert.Equal(96, run.Request.Slot.CommittedFrames));

        // And the step that succeeded at last is the step that was asked for.
        using var untouched = new OnnxStepModel(LawModels.Plain);
        using var host = new StateArena(untouched.StateLayout, 1);
        var expected = new StreamRun(untouched, host.TryRent()!);
        expected.Step(Audio, 64, 64);
        expected.Step(Audio, 48, 32);
        Golden.AssertClose(expected.Request.ColumnSums, runs[0].Request.ColumnSums, 1e-5);
        Golden.AssertClose(expected.Request.Slot.Values(), runs[0].Request.Slot.Values(), 1e-5);
    }

    [Fact]
    public void A_lost_device_and_a_full_one_have_their_own_exceptions()
    {
        var device = new FailingDevice();
        using var model = new DeviceStepModel(LawModels.Plain, device);
        using var arena = new StateArena(model.CreateMemory(2));
        var run = new StreamRun(model, arena.TryRent()!);
        run.Step(Audio, 64, 64);

        device.Failure = () => new DeviceMemoryException("full on purpose");
        Assert.All([0, 5, 20], FailsForMemory); // a copy, a kernel of the run, another
        device.Failure = () => new InvalidOperationException("CUBLAS failure 3: the resource allocation failed");
        FailsForMemory(5);

        device.Lose();
        Assert.Throws<DeviceLostException>(() => model.Step([run.Request]));
        Assert.Throws<DeviceLostException>(() => run.Request.Slot.Values());
        Assert.Throws<DeviceLostException>(() => run.Request.Slot.Reset());
        Assert.Throws<DeviceLostException>(() => arena.TryRent());
        Assert.Equal(1, arena.Used); // the slot that could not be cleared is not taken

        void FailsForMemory(int call)
        {
            run.Prepare(Audio, 64, 64);
            device.FailsAfter = call;
            Assert.Throws<DeviceMemoryException>(() => model.Step([run.Request]));
            device.FailsAfter = -1;
        }
    }

    [Fact]
    public void At_each_refusal_no_memory_stays_behind()
    {
        var device = new FailingDevice();
        using var model = new DeviceStepModel(LawModels.Plain, device);
        var held = device.Held;
        for (var call = 0; ; call++)
        {
            device.FailsAfter = call;
            try
            {
                using var slots = model.CreateMemory(1);
                break;
            }
            catch (InvalidOperationException)
            {
                Assert.Equal(held, device.Held);
            }
            Assert.True(call < 3, "memory for slots, pinned memory and a stream are three calls");
        }
        Assert.Equal(held, device.Held);
    }

    [Fact]
    public void A_device_that_does_not_hold_all_slots_gets_fewer_and_one_that_holds_none_is_refused()
    {
        var slotBytes = new StateLayout(LawModels.Config).Length * sizeof(float);
        using var model = new DeviceStepModel(LawModels.Plain, new FailingDevice { MemoryBytes = 40L * slotBytes });
        using (var arena = new StateArena(model.CreateMemory(1000)))
        {
            Assert.Equal(30, arena.Capacity); // three quarters: batches need memory, too
        }
        using (var arena = new StateArena(model.CreateMemory(7)))
        {
            Assert.Equal(7, arena.Capacity);
        }
        using var tight = new DeviceStepModel(LawModels.Plain, new FailingDevice { MemoryBytes = slotBytes });
        Assert.Throws<DeviceMemoryException>(() => tight.CreateMemory(1));
    }

    [Fact]
    public void Streams_of_another_memory_are_refused()
    {
        using var model = new DeviceStepModel(LawModels.Plain, new EmulatedDevice());
        using IStepModel processor = new OnnxStepModel(LawModels.Plain);
        using StateArena arena = new(model.CreateMemory(1)), other = new(model.CreateMemory(1)), host = new(processor.CreateMemory(1));
        StreamRun one = new(model, arena.TryRent()!), two = new(model, other.TryRent()!), three = new(model, host.TryRent()!);
        foreach (var run in (StreamRun[])[one, two, three])
        {
            run.Prepare(Audio, 32, 32);
        }
        Assert.Throws<ArgumentException>(() => model.Step([one.Request, two.Request]));
        Assert.Throws<ArgumentException>(() => model.Step([three.Request]));
        Assert.Throws<InvalidOperationException>(() => processor.Step([one.Request]));
    }

    [Fact]
    public async Task A_stream_goes_on_from_processor_to_device_and_back()
    {
        await using StreamEngine processor = Create(StepModelKind.Onnx), device = Create(StepModelKind.DeviceOnCpu);
        var expected = await TagAsync(processor, processor, processor);
        var actual = await TagAsync(processor, device, processor);
        Assert.Equal(expected.Length, actual.Length);
        Golden.AssertClose(expected, actual, 1e-4);

        static StreamEngine Create(StepModelKind kind) => new(
            StepModels.Create(Streaming.TinyModel.Instance, new EngineOptions { StepModel = kind })[0],
            new EngineOptions { MaxStreams = 2, Threads = 1, Batcher = { MaxBatch = 1 } });

        static async Task<float[]> TagAsync(params StreamEngine[] engines)
        {
            var tags = new List<Engine.Tags.ChunkScores>();
            byte[]? snapshot = null;
            for (var part = 0; part < engines.Length; part++)
            {
                using var session = snapshot is null
                    ? engines[part].Open(Streaming.EngineFixture.Pcm16, new StreamSessionOptions()) : engines[part].Restore(snapshot);
                await session.PushAsync(Streaming.EngineFixture.Babble(48_000 * part, 48_000), tags, default);
                var writer = new System.Buffers.ArrayBufferWriter<byte>();
                session.Save(writer);
                snapshot = writer.WrittenSpan.ToArray();
            }
            return [.. tags.SelectMany(chunk => chunk.Scores)];
        }
    }
}
