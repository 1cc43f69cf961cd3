using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Model.Onnx.Native;
using Microsoft.ML.OnnxRuntime;

namespace Dass.Grid.Benchmarks;

/// <summary>The matrix products of a step and nothing else, on ONNX Runtime, in the shapes and the number of the network.</summary>
internal static class Products
{
    /// <summary>Processor time of all products over a batch's frames.</summary>
    public static double Seconds(DassModel model, int frames, int repetitions)
    {
        var seconds = 0.0;
        foreach (var (rows, inputs, outputs, count) in Shapes(model.Config, frames))
        {
            seconds += count * Seconds(rows, inputs, outputs, model.IsQuantized, repetitions);
        }
        return seconds;
    }

    /// <summary>Of the layers that are computed in bytes when the model is quantized; the others are little of the work.</summary>
    private static IEnumerable<(int Rows, int Inputs, int Outputs, int Count)> Shapes(DassConfig config, int frames)
    {
        for (var stage = 0; stage < DassConfig.Stages; stage++)
        {
            var (d, blocks) = (config.Dims[stage], config.Depths[stage]);
            var tokens = config.Rows(stage) * DassConfig.Halved(frames, 2 + stage);
            var from = stage == 0 ? config.StemDim : config.Dims[stage - 1];
            yield return (tokens, 9 * from, d, 1); // the convolution before the stage
            yield return (tokens, d, d, 2 * blocks); // in_proj, out_proj
            yield return (tokens, d, 4 * d, blocks); // fc1
            yield return (tokens, 4 * d, d, blocks); // fc2
        }
    }

    private static double Seconds(int rows, int inputs, int outputs, bool quantized, int repetitions)
    {
        var random = new Random(rows);
        var graph = new GraphBuilder("none");
        var weights = new float[inputs * outputs];
        foreach (ref var weight in weights.AsSpan())
        {
            weight = random.NextSingle() - 0.5f;
        }
        const string X = "x";
        OrtValue input;
        if (quantized)
        {
            graph.Input(X, ElementType.UInt8, rows, inputs);
            var product = graph.Standard(
                "MatMulInteger",
                [X, graph.Constant(QuantizedWeights.From(weights, outputs).Bytes, inputs, outputs), graph.Constant((byte)128)]);
            graph.Output(product, ElementType.Int32);
            var bytes = new byte[rows * inputs];
            random.NextBytes(bytes);
            input = OrtValue.CreateTensorValueFromMemory(bytes, [rows, inputs]);
        }
        else
        {
            graph.Input(X, rows, inputs);
            graph.Output(graph.Standard("MatMul", [X, graph.Constant(weights, inputs, outputs)]));
            input = OrtValue.CreateTensorValueFromMemory(
                [.. Enumerable.Range(0, rows * inputs).Select(_ => random.NextSingle() - 0.5f)], [rows, inputs]);
        }
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
        using var session = new InferenceSession(graph.ToBytes(), options);
        using var run = new RunOptions();
        using (input)
        {
            // Several at a time: one takes less than the clock of processor time can tell.
            const int Together = 8;
            return LayersBenchmark.CpuSeconds(
                () =>
                {
                    for (var i = 0; i < Together; i++)
                    {
                        using var results = session.Run(run, [X], [input], session.OutputNames);
                    }
                },
                repetitions) / Together;
        }
    }
}
