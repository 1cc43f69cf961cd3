using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Model.Onnx.Cuda;
using Dass.Grid.Engine.Model.Onnx.Native;
using Dass.Grid.Engine.Model.Onnx.Operators;
using Microsoft.ML.OnnxRuntime;

namespace Dass.Grid.Engine.Tests.Model.Onnx.Cuda;

/// <summary>Each operator of the graph alone: the device's kernels and the processor's vectors put out the same.</summary>
public class DeviceOperatorTests
{
    private const int Batch = 3;
    private const int Rank = 2;

    private static readonly EmulatedDevice Device = new();

    [Theory]
    [InlineData(4, 6, 16, 4)]
    [InlineData(5, 3, 20, 1)]
    [InlineData(1, 7, 33, 7)]
    public void Operators_equal_those_of_the_processor(int rows, int columns, int channels, int committed)
    {
        long[] image = [Batch, rows, columns, channels], left = [Batch, rows, channels];
        var kept = ("halvings", 0L);
        AssertSame(nameof(Im2Col), 2, [image, left], committed, [kept]);
        AssertSame(nameof(DepthwiseConvSilu), 2, [image, [9, channels], left], committed, [kept]);
        AssertSame(nameof(BiasNorm), 1, [image, [channels], [channels], [channels]]);
        AssertSame(nameof(ResidualNorm), 2, [image, image, [channels], [channels], [channels]]);
        AssertSame(nameof(BiasGelu), 1, [image, [channels]]);
        AssertSame(nameof(Residual), 1, [image, image, [channels]]);
        AssertSame(nameof(SumRows), 1, [image]);
    }

    [Theory]
    [InlineData(4, 6, 16, 4)]
    [InlineData(2, 3, 20, 1)]
    public void The_scan_and_its_norm_equal_those_of_the_processor(int rows, int columns, int channels, int committed)
    {
        long[][] shapes =
        [
            [Batch, rows, columns, channels], [Batch, rows, columns, 4 * (Rank + 2)], [4, Rank, channels], [4, channels], [4, channels],
            [channels], [Batch, rows, channels], [Batch, channels], [channels], [channels], [channels],
        ];
        AssertSame(shapes, committed, graph =>
        {
            graph.Input("first", ElementType.Int32, Batch);
            graph.Custom(
                nameof(SelectiveScan), [.. Enumerable.Range(0, 8).Select(i => $"x{i}"), "first", "committed"], ["y", "y0", "y1"],
                ("rank", Rank), ("halvings", 0));
            graph.Custom(nameof(ScanNorm), ["y", "x8", "x9", "x10"], ["y2"]);
            return 3;
        });
    }

    private static void AssertSame(
        string type, int outputs, long[][] shapes, int? committed = null, params (string, long)[] attributes) =>
        AssertSame(shapes, committed, graph =>
        {
            string[] inputs = [.. shapes.Select((_, i) => $"x{i}"), .. committed is null ? (string[])[] : ["committed"]];
            graph.Custom(type, inputs, [.. Enumerable.Range(0, outputs).Select(i => $"y{i}")], attributes);
            return outputs;
        });

    private static void AssertSame(long[][] shapes, int? committed, Func<GraphBuilder, int> add)
    {
        var graph = new GraphBuilder(DassGraph.Domain);
        for (var i = 0; i < shapes.Length; i++)
        {
            graph.Input($"x{i}", shapes[i]);
        }
        if (committed is not null)
        {
            graph.Input("committed", ElementType.Int64, 1);
        }
        var outputs = add(graph);
        for (var i = 0; i < outputs; i++)
        {
            graph.Output($"y{i}");
        }
        var bytes = graph.ToBytes();
        float[][] expected = Run(bytes, DassGraph.CustomOperators), actual = Run(bytes, DeviceOperators.Of(Device));
        Assert.Equal(outputs, actual.Length);
        for (var i = 0; i < outputs; i++)
        {
            Golden.AssertClose(expected[i], actual[i], 2e-6, $"output {i}");
        }

        float[][] Run(byte[] model, CustomOperatorDomain operators)
        {
            using var options = new SessionOptions();
            operators.AddTo(options);
            using var session = OnnxSessions.Open(model, options);
            var random = new Random(11);
            var inputs = new Dictionary<string, OrtValue>();
            foreach (var (name, input) in session.InputMetadata)
            {
                long[] shape = [.. input.Dimensions.Select(n => (long)n)];
                inputs.Add(name, name switch
                {
                    "committed" => OrtValue.CreateTensorValueFromMemory<long>([committed!.Value], shape),
                    "first" => OrtValue.CreateTensorValueFromMemory<int>([1, 0, 0], shape),
                    "x4" => Values(shape, () => -random.NextSingle()), // the scan's decay; others do not mind
                    _ => Values(shape, () => 2 * random.NextSingle() - 1),
                });
            }
            string[] names = [.. Enumerable.Range(0, outputs).Select(i => $"y{i}")];
            using var run = new RunOptions();
            using var results = session.Run(run, inputs, names);
            return [.. results.Select(result => result.GetTensorDataAsSpan<float>().ToArray())];
        }

        static OrtValue Values(long[] shape, Func<float> next) => OrtValue.CreateTensorValueFromMemory(
            [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (product, n) => product * n)).Select(_ => next())], shape);
    }
}
