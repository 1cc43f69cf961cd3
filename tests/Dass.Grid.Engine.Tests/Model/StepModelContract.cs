using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Model.Onnx.Cuda;
using Dass.Grid.Engine.Streaming;

namespace Dass.Grid.Engine.Tests.Model;

public sealed class ReferenceStepModelTests : StepModelContract
{
    protected override IStepModel Create(DassModel model) => new ReferenceStepModel(model);
}

public sealed class OnnxStepModelTests : StepModelContract
{
    protected override IStepModel Create(DassModel model) => new OnnxStepModel(model);

    [Theory]
    [InlineData("small")]
    [InlineData("medium")]
    public void The_full_size_models_equal_the_reference_outputs(string size)
    {
        using var model = Create(size == "small" ? GoldenWeights.Small() : GoldenWeights.Medium());
        using var arena = new StateArena(model.CreateMemory(2));
        using var golden = new Golden($"{size}/golden.safetensors");
        Golden.AssertClose(golden["logits.1024"], new StreamRun(model, arena.TryRent()!).Run(Babble, 1024, Offline).Logits(), 1e-5);
        var streamed = new StreamRun(model, arena.TryRent()!).Run(Babble, 480, new ChunkSchedule(96, 64));
        Golden.AssertClose(golden["stream.96.64.480.logits"], streamed.Logits(), 1e-5);
        Golden.AssertClose(golden["stream.96.64.480.pooled"], [.. streamed.Pooled.SelectMany(mean => mean)], 1e-5);
    }

    [Theory]
    [InlineData(8, 12, 20, 36)] // channels that no vector width divides
    [InlineData(2, 6, 34, 130)]
    public void Odd_widths_equal_the_reference_model(params int[] dims)
    {
        var weights = GoldenWeights.Create(dims, [1, 1, 1, 1], 5);
        using IStepModel onnx = Create(weights), reference = new ReferenceStepModel(weights);
        using var arena = new StateArena(onnx.CreateMemory(2));
        Golden.AssertClose(
            new StreamRun(reference, arena.TryRent()!).Run(Babble, 150, new ChunkSchedule(64, 32)).Logits(),
            new StreamRun(onnx, arena.TryRent()!).Run(Babble, 150, new ChunkSchedule(64, 32)).Logits(),
            1e-5);
    }
}

public sealed class DeviceStepModelContract : StepModelContract
{
    protected override IStepModel Create(DassModel model) => new DeviceStepModel(model, new EmulatedDevice());
}

/// <summary>What every step model must do.</summary>
public abstract class StepModelContract
{
    /// <summary>One step over all frames that there are.</summary>
    internal static readonly ChunkSchedule Offline = new(int.MaxValue, 0);

    private static readonly Lazy<float[]> BabbleFeatures = new(() =>
    {
        using var golden = new Golden("fbank.safetensors");
        return golden["babble.fbank"];
    });

    internal static float[] Babble => BabbleFeatures.Value;

    protected abstract IStepModel Create(DassModel model);

    [Theory]
    [InlineData(1024)]
    [InlineData(333)]
    [InlineData(32)]
    [InlineData(7)]
    [InlineData(1)]
    public void One_step_with_no_state_is_the_offline_model(int frames)
    {
        using var model = Create(GoldenWeights.Tiny);
        using var arena = new StateArena(model.CreateMemory(1));
        using var golden = new Golden("tiny/golden.safetensors");
        Golden.AssertClose(golden[$"logits.{frames}"], new StreamRun(model, arena.TryRent()!).Run(Babble, frames, Offline).Logits(), 1e-5);
    }

    [Theory]
    [InlineData(96, 64)]
    [InlineData(96, 32)]
    [InlineData(32, 0)]
    [InlineData(320, 128)]
    [InlineData(64, 1024)]
    public void Streaming_equals_the_reference_outputs_and_states(int committed, int lookAhead)
    {
        using var model = Create(GoldenWeights.Tiny);
        using var arena = new StateArena(model.CreateMemory(1));
        using var golden = new Golden("tiny/golden.safetensors");
        var slot = arena.TryRent()!;
        var prefix = $"stream.{committed}.{lookAhead}.";
        var run = new StreamRun(model, slot).Run(Babble, 1000, new ChunkSchedule(committed, lookAhead), steps: 3);
        var statePrefix = prefix + "state3.dass."; // after the third chunk
        var states = golden.Names.Where(name => name.StartsWith(statePrefix, StringComparison.Ordinal)).ToArray();
        Assert.Equal(2 * 3, states.Length); // three kinds of two blocks
        foreach (var name in states)
        {
            var tensor = model.StateLayout.Tensors.Single(tensor => tensor.Name == name[statePrefix.Length..]);
            Golden.AssertClose(golden[name], slot.Values(tensor), 1e-5, name);
        }
        run.Run(Babble, 1000, new ChunkSchedule(committed, lookAhead));
        Golden.AssertClose(golden[prefix + "pooled"], [.. run.Pooled.SelectMany(mean => mean)], 1e-5);
        Golden.AssertClose(golden[prefix + "logits"], run.Logits(), 1e-5);
    }

    [Fact]
    public void A_batch_that_breaks_a_rule_is_refused_and_changes_nothing()
    {
        using var model = Create(LawModels.Plain);
        using var arena = new StateArena(model.CreateMemory(3));
        var audio = LawModels.Features(1, 128);
        StreamRun a = new(model, arena.TryRent()!), b = new(model, arena.TryRent()!), unshaped = new(model, arena.TryRent()!);
        a.Step(audio, 48, 32);
        b.Step(audio, 64, 64);
        var before = new[] { a, b }
            .Select(run => (run.Request.Slot, Values: run.Request.Slot.Values(), run.Request.Slot.CommittedFrames)).ToList();
        Assert.All(before, slot => Assert.Contains(slot.Values, value => value != 0));

        Refused("at least one");
        Refused("64 frames", Next(a, 48, 32), Next(b, 64, 32));
        Refused("64 committed", Next(a, 64, 32), Next(b, 64, 64));
        Refused("one slot", Next(a, 48, 32), Next(b, 48, 32), a.Request);
        Refused("one slot", b.Request, b.Request);
        Refused("0 frames", Next(a, 48, 32), unshaped.Request);
        Refused("0 frames", unshaped.Request, Next(a, 48, 32));
        Assert.All(before, slot =>
        {
            Assert.Equal(slot.Values, slot.Slot.Values());
            Assert.Equal(slot.CommittedFrames, slot.Slot.CommittedFrames);
        });
        Assert.Throws<ArgumentOutOfRangeException>(() => a.Request.Shape(48, 33));
        Assert.Throws<ArgumentOutOfRangeException>(() => a.Request.Shape(0, 0));

        StepRequest Next(StreamRun run, int frames, int committed)
        {
            run.Prepare(audio, frames, committed);
            return run.Request;
        }

        void Refused(string reason, params StepRequest[] batch) =>
            Assert.Contains(reason, Assert.Throws<ArgumentException>(() => model.Step(batch)).Message);
    }
}
