using System.Diagnostics;
using System.Runtime.InteropServices;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx.Operators;

namespace Dass.Grid.Benchmarks;

/// <summary>The scan operator against its scalar reference, on the shape of DASS-small's third stage over 0.96 s.</summary>
internal static unsafe class ScanBenchmark
{
    private const int Rows = 8, Columns = 6, Channels = 384, Rank = 24, Tokens = Rows * Columns;

    public static IEnumerable<Figure> Run(int repetitions)
    {
        var arrays = new Dictionary<string, float[]>
        {
            ["u"] = Values(Tokens * Channels, 1, 0),
            ["projections"] = Values(Tokens * 4 * (Rank + 2), 1, 0),
            ["weights"] = Values(4 * Rank * Channels, 0.3f, 0),
            ["bias"] = Values(4 * Channels, 1, -3),
            ["a"] = Values(4 * Channels, 0.5f, -1),
            ["skip"] = Values(4 * Channels, 1, 0),
            ["row"] = Values(Rows * Channels, 1, 0),
            ["column"] = Values(Channels, 1, 0),
            ["y"] = new float[Tokens * Channels],
        };
        var pins = arrays.ToDictionary(pair => pair.Key, pair => GCHandle.Alloc(pair.Value, GCHandleType.Pinned));
        float* At(string name) => (float*)pins[name].AddrOfPinnedObject();
        var kernel = new SelectiveScanKernel
        {
            Rows = Rows, Columns = Columns, Channels = Channels, Rank = Rank, Committed = Columns,
            U = At("u"), Projections = At("projections"), StepWeights = At("weights"), StepBias = At("bias"), A = At("a"),
            Skip = At("skip"), Row = At("row"), Column = At("column"), Y = At("y"), NextRow = At("row"), NextColumn = At("column"),
        };
        var reference = new ReferenceScan(Rows, Columns, Channels, Rank, Columns, rowsChain: false);

        var (fast, ratio) = (new List<double>(), new List<double>());
        for (var i = -3; i < repetitions; i++)
        {
            var start = Stopwatch.GetTimestamp();
            Lanes.Dispatch(kernel, Channels / 2);
            var kernelTime = Stopwatch.GetElapsedTime(start).TotalSeconds;
            start = Stopwatch.GetTimestamp();
            reference.Run(
                arrays["u"], arrays["projections"], arrays["weights"], arrays["bias"], arrays["a"], arrays["skip"],
                arrays["row"], arrays["column"]);
            if (i >= 0)
            {
                fast.Add(kernelTime);
                ratio.Add(Stopwatch.GetElapsedTime(start).TotalSeconds / kernelTime);
            }
        }
        foreach (var pin in pins.Values)
        {
            pin.Free();
        }
        var nanoseconds = fast.Median() * 1e9 / (4.0 * Tokens * Channels);
        return [
            new Figure(
                "scan operator, 8 × 6 tokens × 384 channels", $"{nanoseconds:0.0} ns per channel and route",
                $"{ratio.Median():0} x the scalar reference", nanoseconds)
        ];
    }

    private static float[] Values(int count, float spread, float centre)
    {
        var random = new Random(count);
        return [.. Enumerable.Range(0, count).Select(_ => centre + spread * (2 * random.NextSingle() - 1))];
    }
}
