using CsCheck;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Streaming;

namespace Dass.Grid.Engine.Tests.Model;

public sealed class ReferenceStepModelTests : StepModelContract
{
    protected override IStepModel Create(DassModel model) => new ReferenceStepModel(model);
}

public sealed class OnnxStepModelTests : StepModelContract
{
    protected override IStepModel Create(DassModel model) => new OnnxStepModel(model, OnnxDevice.Cpu);

    [Theory]
    [InlineData("small")]
    [InlineData("medium")]
    public void The_full_size_models_equal_the_reference_outputs(string size)
    {
        using var model = Create(size == "small" ? GoldenWeights.Small() : GoldenWeights.Medium());
        using var arena = new StateArena(model.StateLayout, 2);
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
        using var arena = new StateArena(onnx.StateLayout, 2);
        Golden.AssertClose(
            new StreamRun(reference, arena.TryRent()!).Run(Babble, 150, new ChunkSchedule(64, 32)).Logits(),
            new StreamRun(onnx, arena.TryRent()!).Run(Babble, 150, new ChunkSchedule(64, 32)).Logits(),
            1e-5);
    }

    [Fact]
    public void Several_threads_step_different_streams_as_if_alone()
    {
        using var model = Create(GoldenWeights.Tiny);
        using var arena = new StateArena(model.StateLayout, 5);
        var alone = new StreamRun(model, arena.TryRent()!).Run(Babble, 600, new ChunkSchedule(96, 64)).Logits();
        var runs = Enumerable.Range(0, 4).Select(_ => new StreamRun(model, arena.TryRent()!)).ToArray();
        var threads = runs.Select(run => new Thread(() => run.Run(Babble, 600, new ChunkSchedule(96, 64)))).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.All(runs, run => Assert.Equal(alone, run.Logits()));
    }
}

/// <summary>What every step model must do.</summary>
public abstract class StepModelContract
{
    /// <summary>One step over whatever there is.</summary>
    internal static readonly ChunkSchedule Offline = new(int.MaxValue, 0);

    private static readonly Lazy<float[]> BabbleFeatures = new(() =>
    {
        using var golden = new Golden("fbank.safetensors");
        return golden["babble.fbank"];
    });

    private static readonly Lazy<DassModel> Little = new(() => GoldenWeights.Create([16, 16, 32, 32], [1, 1, 1, 1], 7));

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
        using var arena = new StateArena(model.StateLayout, 1);
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
        using var arena = new StateArena(model.StateLayout, 1);
        using var golden = new Golden("tiny/golden.safetensors");
        var slot = arena.TryRent()!;
        var prefix = $"stream.{committed}.{lookAhead}.";
        var run = new StreamRun(model, slot).Run(Babble, 1000, new ChunkSchedule(committed, lookAhead), steps: 3);
        var statePrefix = prefix + "state3.dass."; // after the third chunk
        foreach (var name in golden.Names.Where(name => name.StartsWith(statePrefix, StringComparison.Ordinal)))
        {
            var tensor = model.StateLayout.Tensors.Single(tensor => tensor.Name == name[statePrefix.Length..]);
            Golden.AssertClose(golden[name], slot[tensor], 1e-5, name);
        }
        run.Run(Babble, 1000, new ChunkSchedule(committed, lookAhead));
        Golden.AssertClose(golden[prefix + "pooled"], [.. run.Pooled.SelectMany(mean => mean)], 1e-5);
        Golden.AssertClose(golden[prefix + "logits"], run.Logits(), 1e-5);
    }

    [Fact]
    public void Any_sequence_of_chunks_equals_the_reference_model_and_state_moves_between_them()
    {
        var reference = new ReferenceStepModel(Little.Value);
        using var model = Create(Little.Value);
        using var arena = new StateArena(model.StateLayout, 2);
        Gen.Select(Gen.Int[1, 4], Gen.Int[0, 80], Gen.Bool).Array[1, 4].Sample(
            steps =>
            {
                using StateSlot expected = arena.TryRent()!, actual = arena.TryRent()!;
                StreamRun left = new(reference, expected), right = new(model, actual);
                foreach (var (columns, lookAhead, move) in steps)
                {
                    var at = (int)expected.CommittedFrames * 128;
                    foreach (var (run, step) in new[] { (left, (IStepModel)reference), (right, model) })
                    {
                        run.Prepare(Babble.AsSpan(at), columns * 32 + lookAhead, columns * 32);
                        step.Step([run.Request]);
                    }
                    Golden.AssertClose(left.Request.ColumnSums, right.Request.ColumnSums, 2e-5);
                    Golden.AssertClose(expected.Values, actual.Values, 2e-5);
                    Assert.Equal(expected.CommittedFrames, actual.CommittedFrames);
                    if (move)
                    {
                        expected.Values.CopyTo(actual.Values); // one implementation goes on from the other's state
                    }
                }
            },
            iter: 12,
            threads: 1); // the arena has two slots
    }

    [Fact]
    public void A_stream_in_a_batch_of_any_ages_is_as_alone_and_other_slots_stay_untouched()
    {
        using var model = Create(Little.Value);
        using var arena = new StateArena(model.StateLayout, 8);
        var bystander = arena.TryRent()!;
        new Random(5).NextBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(bystander.Values));
        var before = bystander.Values.ToArray();

        // Stream i is i chunks old and hears other audio, some of it much louder.
        var (alone, together) = (new List<StreamRun>(), new List<StreamRun>());
        for (var i = 0; i < 3; i++)
        {
            var audio = Babble.Skip(i * 100 * 128).Take(400 * 128).Select(value => value * (1 + 4 * i)).ToArray();
            foreach (var runs in new[] { alone, together })
            {
                var run = new StreamRun(model, arena.TryRent()!).Run(audio, 400, new ChunkSchedule(32, 16), steps: i);
                run.Prepare(audio.AsSpan(i * 32 * 128), 48, 32);
                runs.Add(run);
            }
        }
        alone.ForEach(run => model.Step([run.Request]));
        model.Step([.. together.Select(run => run.Request)]);
        foreach (var (left, right) in alone.Zip(together))
        {
            Golden.AssertClose(left.Request.ColumnSums, right.Request.ColumnSums, 1e-5);
            Golden.AssertClose(left.Request.Slot.Values, right.Request.Slot.Values, 1e-5);
        }
        Assert.Equal(before.Select(BitConverter.SingleToInt32Bits), bystander.Values.ToArray().Select(BitConverter.SingleToInt32Bits));
    }

    [Fact]
    public void A_batch_that_breaks_a_rule_is_refused_and_changes_nothing()
    {
        using var model = Create(Little.Value);
        using var arena = new StateArena(model.StateLayout, 2);
        StreamRun a = new(model, arena.TryRent()!), b = new(model, arena.TryRent()!);
        a.Prepare(Babble, 48, 32);
        b.Prepare(Babble, 64, 32);
        Assert.Throws<ArgumentException>(() => model.Step([]));
        Assert.Contains("64 frames", Assert.Throws<ArgumentException>(() => model.Step([a.Request, b.Request])).Message);
        Assert.Contains("one slot", Assert.Throws<ArgumentException>(() => model.Step([a.Request, a.Request])).Message);
        Assert.All(a.Request.Slot.Values.ToArray(), value => Assert.Equal(0, value));
        Assert.Equal(0, a.Request.Slot.CommittedFrames);
        Assert.Throws<ArgumentOutOfRangeException>(() => a.Request.Shape(48, 33));
        Assert.Throws<ArgumentOutOfRangeException>(() => a.Request.Shape(0, 0));
    }
}
