using CsCheck;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tests.Streaming;
using Xunit.Abstractions;

namespace Dass.Grid.Engine.Tests.Model;

/// <summary>Products of bytes: what a stream gets depends on it alone, to the bit, and is near what fp32 gives.</summary>
public sealed class QuantizedStepModelTests(ITestOutputHelper output)
{
    private const int MaxBatch = 8;

    [Fact]
    public void A_stream_in_any_batch_is_as_alone_to_the_bit()
    {
        using IStepModel model = new OnnxStepModel(LawModels.Plain.Quantized());
        using var arena = new StateArena(model.CreateMemory(2 * MaxBatch));
        StreamRun[] alone = Runs(model, arena), together = Runs(model, arena);
        Gen.Select(Gen.Int[0, 999_999], Gen.Int[1, MaxBatch], Gen.Int[1, 3], Gen.Int[0, 80], Gen.Int[0, 3]).Sample(
            (seed, batch, columns, lookAhead, ages) =>
            {
                for (var i = 0; i < batch; i++)
                {
                    // Streams of other ages and loudness beside it.
                    var audio = LawModels.Features(seed + i, 4 * 96 + 80, loudness: 1 + 4 * (i % 3));
                    alone[i].Request.Slot.Reset();
                    for (var age = 0; age < (ages + i) % 4; age++)
                    {
                        alone[i].Step(audio, 96, 96);
                    }
                    together[i].Request.Slot.Write(alone[i].Request.Slot.Values());
                    together[i].Request.Slot.CommittedFrames = alone[i].Request.Slot.CommittedFrames;
                    alone[i].Prepare(audio, columns * 32 + lookAhead, columns * 32);
                    together[i].Prepare(audio, columns * 32 + lookAhead, columns * 32);
                    model.Step([alone[i].Request]);
                }
                model.Step([.. together[..batch].Select(run => run.Request)]);
                for (var i = 0; i < batch; i++)
                {
                    Assert.Equal(alone[i].Request.ColumnSums.ToArray(), together[i].Request.ColumnSums.ToArray());
                    Assert.Equal(alone[i].Request.Slot.Values(), together[i].Request.Slot.Values());
                }
            },
            iter: 40, threads: 1);
    }

    [Theory]
    [InlineData("tiny", 0.05)]
    [InlineData("small", 0.05)]
    [InlineData("medium", 0.06)]
    public void The_golden_streams_are_near(string size, double most)
    {
        var weights = size == "small" ? GoldenWeights.Small() : size == "medium" ? GoldenWeights.Medium() : GoldenWeights.Tiny;
        using IStepModel model = new OnnxStepModel(weights.Quantized());
        using var arena = new StateArena(model.CreateMemory(2));
        using var golden = new Golden($"{size}/golden.safetensors");
        var offline = new StreamRun(model, arena.TryRent()!).Run(StepModelContract.Babble, 1024, StepModelContract.Offline).Logits();
        var error = RelativeError(golden["logits.1024"], offline);
        var (name, frames) = size == "tiny" ? ("stream.96.64.logits", 1000) : ("stream.96.64.480.logits", 480);
        var streamed = new StreamRun(model, arena.TryRent()!).Run(StepModelContract.Babble, frames, new ChunkSchedule(96, 64)).Logits();
        var streamedError = RelativeError(golden[name], streamed);
        output.WriteLine($"{size}: relative error of the logits {error:F4} offline, {streamedError:F4} streaming");
        Assert.InRange(error, 1e-6, most);
        Assert.InRange(streamedError, 1e-6, most);
    }

    [Theory]
    [InlineData(8, 12, 20, 36)] // channels that no vector width divides
    [InlineData(2, 6, 34, 130)]
    public void Odd_widths_are_near_the_reference_model(params int[] dims)
    {
        var weights = GoldenWeights.Create(dims, [1, 1, 1, 1], 5);
        using IStepModel model = new OnnxStepModel(weights.Quantized()), reference = new ReferenceStepModel(weights);
        using var arena = new StateArena(model.CreateMemory(2));
        var expected = new StreamRun(reference, arena.TryRent()!).Run(StepModelContract.Babble, 150, new ChunkSchedule(64, 32)).Logits();
        var actual = new StreamRun(model, arena.TryRent()!).Run(StepModelContract.Babble, 150, new ChunkSchedule(64, 32)).Logits();
        Assert.InRange(RelativeError(expected, actual), 1e-6, 0.1);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Values_that_are_not_finite_spoil_their_own_stream_and_no_other(float value)
    {
        using IStepModel model = new OnnxStepModel(LawModels.Plain.Quantized());
        using var arena = new StateArena(model.CreateMemory(2));
        StreamRun spoilt = new(model, arena.TryRent()!), other = new(model, arena.TryRent()!);
        var audio = LawModels.Features(3, 96);
        other.Step(audio, 96, 96);
        var (columns, state) = (other.Request.ColumnSums.ToArray(), other.Request.Slot.Values());
        other.Request.Slot.Reset();
        spoilt.Prepare(audio, 96, 96);
        spoilt.Request.Features.Fill(value);
        other.Prepare(audio, 96, 96);
        model.Step([spoilt.Request, other.Request]);
        Assert.Contains(spoilt.Request.ColumnSums.ToArray(), column => !float.IsFinite(column));
        Assert.Equal(columns, other.Request.ColumnSums.ToArray());
        Assert.Equal(state, other.Request.Slot.Values());
    }

    [Fact]
    public async Task A_stream_does_not_change_precision_by_itself()
    {
        await using var exact = await StreamEngine.StartAsync(new EngineOptions { MaxStreams = 1, Threads = 1 });
        await using var bytes = await StreamEngine.StartAsync(
            new EngineOptions { MaxStreams = 1, Threads = 1, Precision = StepPrecision.Int8 });
        Assert.NotEqual(exact.Model.Hash, bytes.Model.Hash);
        var state = new System.Buffers.ArrayBufferWriter<byte>();
        using (var session = exact.Open(EngineFixture.Pcm16, new StreamSessionOptions()))
        {
            session.Save(state);
        }
        var refusal = Assert.Throws<SnapshotException>(() => bytes.Restore(state.WrittenSpan));
        Assert.Contains(exact.Model.Hash, refusal.Message, StringComparison.Ordinal);
        Assert.True(bytes.CanAdopt(exact));
        using var adopted = bytes.Restore(state.WrittenSpan, ofOtherWeights: true);
    }

    private static StreamRun[] Runs(IStepModel model, StateArena arena) =>
        [.. Enumerable.Range(0, MaxBatch).Select(_ => new StreamRun(model, arena.TryRent()!))];

    internal static double RelativeError(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        double error = 0, power = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            error += Math.Pow(expected[i] - actual[i], 2);
            power += Math.Pow(expected[i], 2);
        }
        return Math.Sqrt(error / power);
    }
}
