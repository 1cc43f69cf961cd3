using Dass.Grid.Engine.Model.Onnx.Cuda;
using Dass.Grid.Engine.Model.Onnx.Cuda.Kernels;

namespace Dass.Grid.DeviceCheck;

/// <summary>Each kernel on the card against the same method on the processor.</summary>
internal static unsafe class KernelParts
{
    private const int Batch = 3, Rows = 4, Columns = 10, Channels = 96, Committed = 6;
    private const int Image = Batch * Rows * Columns * Channels;

    public static void Check(Device device, Report report)
    {
        var emulated = new EmulatedDevice();
        ImageArguments Images(Device on, nint[] at) => new()
        {
            Batch = Batch,
            Rows = Rows,
            Columns = Columns,
            Channels = Channels,
            Committed = Committed,
            LaneBits = on.LaneBits(Channels),
            X = (float*)at[0],
            Weights = (float*)at[1],
            Left = (float*)at[2],
            Y = (float*)at[^1],
        };
        foreach (var (kernel, length) in (ReadOnlySpan<(DeviceKernel<ImageArguments>, int)>)[
            (DeviceKernels.Im2Col, Batch * 2 * 5 * 9 * Channels), (DeviceKernels.DepthwiseConvSilu, Image),
            (DeviceKernels.KeepColumn, Batch * Rows * Channels), (DeviceKernels.SumRows, Batch * Columns * Channels)])
        {
            Compare(kernel, [Image, 9 * Channels, Batch * Rows * Channels], length, Images);
        }
        Compare(DeviceKernels.Transpose, [Image], Image, (on, at) => Images(on, [at[0], at[0], at[0], at[1]]) with
        {
            Rows = Rows * Channels,
            LaneBits = on.LaneBits(Columns),
        });
        ElementwiseArguments Elements(Device on, nint[] at) => new()
        {
            Rows = Image / Channels,
            Channels = Channels,
            LaneBits = on.LaneBits(Channels),
            X = (float*)at[0],
            Branch = (float*)at[1],
            Bias = (float*)at[2],
            Y = (float*)at[3],
        };
        Compare(DeviceKernels.Gelu, [Image, Image, Channels], Image, Elements);
        Compare(DeviceKernels.Residual, [Image, Image, Channels], Image, Elements);
        foreach (var parts in (ReadOnlySpan<int>)[1, 4])
        {
            Compare(DeviceKernels.Norm, [parts * Image, Channels, Channels, Channels], Image, (on, at) => new NormArguments
            {
                Rows = Image / Channels,
                PartLength = Image,
                Channels = Channels,
                Parts = parts,
                LaneBits = on.LaneBits(Channels, together: true),
                X = (float*)at[0],
                Bias = (float*)at[1],
                Gain = (float*)at[2],
                Shift = (float*)at[3],
                Y = (float*)at[4],
            });
        }
        foreach (var rank in (ReadOnlySpan<int>)[2, 6, 12, 24, 48])
        {
            int[] lengths =
            [
                Image, Image / Channels * 4 * (rank + 2), 4 * rank * Channels, 4 * Channels, 4 * Channels, Channels,
                Batch * Rows * Channels, Batch * Channels, Batch,
            ];
            Compare(DeviceKernels.Scan(rank), lengths, (4 * Image) + (Batch * (Rows + 1) * Channels), (on, at) => new ScanArguments
            {
                LaneBits = on.LaneBits(1),
                Batch = Batch,
                Rows = Rows,
                Columns = Columns,
                Channels = Channels,
                Rank = rank,
                Committed = Committed,
                U = (float*)at[0],
                Projections = (float*)at[1],
                StepWeights = (float*)at[2],
                StepBias = (float*)at[3],
                A = (float*)at[4],
                Skip = (float*)at[5],
                Row = (float*)at[6],
                Column = (float*)at[7],
                First = (int*)at[8], // the bits of a float: not 0, so rows chain
                Y = (float*)at[9],
                NextRow = (float*)at[9] + (4 * Image),
                NextColumn = (float*)at[9] + (4 * Image) + (Batch * Rows * Channels),
            });
        }

        void Compare<TArguments>(
            DeviceKernel<TArguments> kernel, int[] inputs, int output, Func<Device, nint[], TArguments> arguments)
            where TArguments : unmanaged
        {
            var random = new Random(5);
            var values = inputs.Select((length, input) => Enumerable.Range(0, length).Select(
                _ => kernel.Name.StartsWith("Scan", StringComparison.Ordinal) && input == 4 ? -random.NextSingle() - 0.1f
                    : 2 * random.NextSingle() - 1).ToArray()).ToArray();
            float[] expected = Run(emulated), actual = Run(device);
            report.Error("kernel " + kernel.Name, Largest.Error(expected, actual), 5e-6);

            float[] Run(Device on)
            {
                var stream = on.CreateStream();
                var at = new nint[inputs.Length + 1];
                for (var i = 0; i < inputs.Length; i++)
                {
                    at[i] = on.Allocate(sizeof(float) * (long)inputs[i]);
                    fixed (float* source = values[i])
                    {
                        on.CopyIn(at[i], (nint)source, sizeof(float) * (long)inputs[i], stream);
                    }
                }
                at[^1] = on.Allocate(sizeof(float) * (long)output);
                on.Clear(at[^1], sizeof(float) * (long)output, stream);
                on.Launch(kernel, arguments(on, at), rows: 1 << 12, on.LaneBits(1), stream);
                var result = new float[output];
                fixed (float* target = result)
                {
                    on.CopyOut((nint)target, at[^1], sizeof(float) * (long)output, stream);
                    on.Synchronize(stream);
                }
                foreach (var address in at)
                {
                    on.Free(address);
                }
                on.DestroyStream(stream);
                return result;
            }
        }
    }
}

internal static class Largest
{
    /// <summary>The largest error relative to the largest reference value; not finite where a value is not.</summary>
    public static double Error(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        double largest = 0, error = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            largest = Math.Max(largest, Math.Abs(expected[i]));
            error = Math.Max(error, Math.Abs((double)expected[i] - actual[i]));
        }
        return error / largest;
    }
}
