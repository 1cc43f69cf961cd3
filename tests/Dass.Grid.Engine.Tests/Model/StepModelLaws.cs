using System.Runtime.InteropServices;
using CsCheck;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Model.Onnx.Cuda;
using Dass.Grid.Engine.Streaming;

namespace Dass.Grid.Engine.Tests.Model;

public sealed class ReferenceStepModelLaws : StepModelLaws
{
    protected override IStepModel Create(DassModel model) => new ReferenceStepModel(model);
}

public sealed class OnnxStepModelLaws : StepModelLaws
{
    protected override IStepModel Create(DassModel model) => new OnnxStepModel(model);
}

public sealed class DeviceStepModelLaws : StepModelLaws
{
    protected override IStepModel Create(DassModel model) => new DeviceStepModel(model, new EmulatedDevice());
}

/// <summary>Laws of every step model, on random streams that are cut and batched at random.</summary>
public abstract class StepModelLaws
{
    private const int Cases = 15;
    private const int MaxBatch = 8;
    private const double SameModel = 1e-5; // only the order of sums differs
    private const double OtherModel = 2e-5;

    private static readonly Gen<int> Seed = Gen.Int[0, 999_999];

    /// <summary>C in columns of 32 frames, and L in frames.</summary>
    private static readonly Gen<(int Columns, int LookAhead)> Cut = Gen.Select(Gen.Int[1, 3], Gen.OneOf(Gen.Const(0), Gen.Int[1, 80]));

    private enum Move
    {
        Neither,
        FromReference,
        ToReference,
    }

    protected abstract IStepModel Create(DassModel model);

    [Fact]
    public void Any_sequence_of_steps_equals_the_reference_model_and_each_goes_on_from_the_others_state()
    {
        var reference = new ReferenceStepModel(LawModels.Plain);
        using var model = Create(LawModels.Plain);
        using var arena = new StateArena(model.CreateMemory(2));
        StateSlot expected = arena.TryRent()!, actual = arena.TryRent()!;
        Gen.Select(Seed, Gen.Select(Cut, Gen.Enum<Move>()).Array[1, 4]).Sample(
            (seed, steps) =>
            {
                var audio = LawModels.Features(seed, 4 * 96 + 80);
                expected.Reset();
                actual.Reset();
                StreamRun left = new(reference, expected), right = new(model, actual);
                foreach (var ((columns, lookAhead), move) in steps)
                {
                    var at = (int)expected.CommittedFrames * LawModels.Config.MelBins;
                    left.Step(audio.AsSpan(at), columns * 32 + lookAhead, columns * 32);
                    right.Step(audio.AsSpan(at), columns * 32 + lookAhead, columns * 32);
                    AssertSame(left.Request, right.Request, OtherModel);
                    if (move == Move.FromReference)
                    {
                        actual.Write(expected.Values());
                    }
                    else if (move == Move.ToReference)
                    {
                        expected.Write(actual.Values());
                    }
                }
            },
            iter: Cases,
            threads: 1); // the slots are shared
    }

    [Fact]
    public void After_an_equal_first_step_the_cut_does_not_matter_to_a_network_that_cannot_look_ahead()
    {
        using var model = Create(LawModels.Causal);
        using var arena = new StateArena(model.CreateMemory(2));
        StateSlot one = arena.TryRent()!, other = arena.TryRent()!;

        // In a stream's first step a row's state begins where the row before it ended, look-ahead and all: that step must be the same.
        Gen.Select(Seed, Gen.Int[100, 300], Cut, Cut.Array[1, 4], Cut.Array[1, 4]).Sample(
            (seed, frames, first, cuts, otherCuts) =>
            {
                var audio = LawModels.Features(seed, frames);
                var left = RunCut(model, one, audio, frames, [first, .. cuts]);
                var right = RunCut(model, other, audio, frames, [first, .. otherCuts]);
                Golden.AssertClose([.. left.Columns], [.. right.Columns], SameModel);
                Golden.AssertClose(one.Values(), other.Values(), SameModel);
                Assert.Equal((frames, frames), (one.CommittedFrames, other.CommittedFrames));
            },
            iter: Cases,
            threads: 1);
    }

    [Fact]
    public void A_stream_in_a_batch_of_any_ages_is_as_alone_and_other_slots_stay_untouched()
    {
        using var model = Create(LawModels.Plain);
        using var arena = new StateArena(model.CreateMemory(2 * MaxBatch + 2));
        var ages = Ages(model, arena.TryRent()!);
        var bystander = arena.TryRent()!;
        bystander.Fill(float.NaN); // also shows that no step reads it
        bystander.CommittedFrames = 64;
        var before = Bits(bystander);
        StreamRun[] alone = Runs(model, arena, MaxBatch), together = Runs(model, arena, MaxBatch);
        Gen.Select(Seed, Gen.Int[0, ages.Length - 1].Array[1, MaxBatch], Cut).Sample(
            (seed, batch, cut) =>
            {
                for (var i = 0; i < batch.Length; i++)
                {
                    Prepare(alone[i], ages[batch[i]], seed + i, cut);
                    Prepare(together[i], ages[batch[i]], seed + i, cut);
                    model.Step([alone[i].Request]);
                }
                model.Step([.. together[..batch.Length].Select(run => run.Request)]);
                for (var i = 0; i < batch.Length; i++)
                {
                    AssertSame(alone[i].Request, together[i].Request, SameModel);
                }
                Assert.Equal(before, Bits(bystander));
                Assert.Equal(64, bystander.CommittedFrames);
            },
            iter: Cases,
            threads: 1);
    }

    [Theory]
    [InlineData(float.NaN, false)]
    [InlineData(float.NaN, true)]
    [InlineData(float.PositiveInfinity, false)]
    [InlineData(float.NegativeInfinity, true)]
    public void Values_that_are_not_finite_spoil_their_own_stream_and_no_other(float value, bool inState)
    {
        using var model = Create(LawModels.Plain);
        using var arena = new StateArena(model.CreateMemory(4));
        var ages = Ages(model, arena.TryRent()!);
        var runs = Runs(model, arena, 3);
        var expected = StepAll(spoilt: null);
        for (var spoilt = 0; spoilt < runs.Length; spoilt++)
        {
            var actual = StepAll(spoilt);
            Assert.Contains(actual[spoilt].Columns, column => !float.IsFinite(column));
            AssertEqual(actual, except: spoilt);
        }
        AssertEqual(StepAll(spoilt: null), except: null); // what a spoilt step leaves in the model's buffers does no harm

        void AssertEqual((float[] Columns, float[] State)[] actual, int? except)
        {
            foreach (var i in Enumerable.Range(0, runs.Length).Where(i => i != except))
            {
                Assert.Equal(expected[i].Columns, actual[i].Columns);
                Assert.Equal(expected[i].State, actual[i].State);
            }
        }

        (float[] Columns, float[] State)[] StepAll(int? spoilt)
        {
            for (var i = 0; i < runs.Length; i++)
            {
                Prepare(runs[i], ages[i], seed: i, (Columns: 2, LookAhead: 16));
            }
            if (spoilt is { } one)
            {
                if (inState)
                {
                    runs[one].Request.Slot.Fill(value);
                }
                else
                {
                    runs[one].Request.Features.Fill(value);
                }
            }
            model.Step([.. runs.Select(run => run.Request)]);
            return [.. runs.Select(run => (run.Request.ColumnSums.ToArray(), run.Request.Slot.Values()))];
        }
    }

    [Fact]
    public async Task Several_threads_step_different_streams_as_if_alone()
    {
        const int Threads = 4, Frames = 400;
        using var model = Create(LawModels.Plain);
        using var arena = new StateArena(model.CreateMemory(2 * Threads));
        var audio = Enumerable.Range(0, Threads).Select(seed => LawModels.Features(seed, Frames)).ToArray();
        var alone = Runs(model, arena, Threads).Select((run, i) => run.Run(audio[i], Frames, new ChunkSchedule(32, 16))).ToArray();
        var together = Runs(model, arena, Threads);
        using var start = new Barrier(Threads);
        await Task.WhenAll(together.Select((run, i) => Task.Factory.StartNew(
            () =>
            {
                start.SignalAndWait();
                run.Run(audio[i], Frames, new ChunkSchedule(32, 16));
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning, // a thread of its own
            TaskScheduler.Default)));
        for (var i = 0; i < Threads; i++)
        {
            Assert.Equal(alone[i].Columns, together[i].Columns);
            Assert.Equal(Bits(alone[i].Request.Slot), Bits(together[i].Request.Slot));
        }
    }

    private static StreamRun[] Runs(IStepModel model, StateArena arena, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => new StreamRun(model, arena.TryRent()!))];

    /// <summary>The states of a stream after 0, 1, 2 and 3 steps.</summary>
    private static (float[] Values, long CommittedFrames)[] Ages(IStepModel model, StateSlot slot)
    {
        var audio = LawModels.Features(77, 3 * 64);
        return [.. Enumerable.Range(0, 4).Select(age =>
        {
            new StreamRun(model, slot).Run(audio, age * 64, new ChunkSchedule(64, 0));
            return (slot.Values(), slot.CommittedFrames);
        })];
    }

    private static void Prepare(StreamRun run, (float[] Values, long CommittedFrames) age, int seed, (int Columns, int LookAhead) cut)
    {
        run.Request.Slot.Write(age.Values);
        run.Request.Slot.CommittedFrames = age.CommittedFrames;
        var frames = cut.Columns * 32 + cut.LookAhead;
        run.Prepare(LawModels.Features(seed, frames, loudness: 1 + 4 * (seed % 3)), frames, cut.Columns * 32);
    }

    /// <summary>A whole stream in steps of the given cuts, which begin again behind the first when they run out.</summary>
    private static StreamRun RunCut(IStepModel model, StateSlot slot, float[] audio, int frames, (int Columns, int LookAhead)[] cuts)
    {
        slot.Reset();
        var run = new StreamRun(model, slot);
        for (var i = 0; slot.CommittedFrames < frames; i++)
        {
            var (columns, lookAhead) = i == 0 ? cuts[0] : cuts[1 + (i - 1) % (cuts.Length - 1)];
            run.Run(audio, frames, new ChunkSchedule(columns * 32, lookAhead), steps: 1);
        }
        return run;
    }

    private static void AssertSame(StepRequest expected, StepRequest actual, double tolerance)
    {
        Golden.AssertClose(expected.ColumnSums, actual.ColumnSums, tolerance);
        Golden.AssertClose(expected.Slot.Values(), actual.Slot.Values(), tolerance);
        Assert.Equal(expected.Slot.CommittedFrames, actual.Slot.CommittedFrames);
    }

    private static int[] Bits(StateSlot slot) => MemoryMarshal.Cast<float, int>(slot.Values()).ToArray();
}
