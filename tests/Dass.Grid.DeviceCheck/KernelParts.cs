using Dass.Grid.Engine.Model.Onnx.Cuda;
using Dass.Grid.Engine.Model.Onnx.Cuda.Kernels;

namespace Dass.Grid.DeviceCheck;

/// <summary>Each kernel on the card against the same method on the processor.</summary>
internal static unsafe class KernelParts
{
    private const int Batch = 3, Rows = 4, Columns = 10, Channels = 96, Committed = 6;
    private const int Image = Batch * Rows * Columns * Channels;
    private const int Slots = 6, Slot = Channels + 40; // of three tensors

    /// <summary>One part for each kernel, and for each way in which a step launches it.</summary>
    public static IReadOnlyList<(string Name, Action Run)> All(Device device, Report report)
    {
        var emulated = new EmulatedDevice();
        var parts = new List<(string Name, Action Run)>();
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
            Add(kernel, "", Random(Image, 9 * Channels, Batch * Rows * Channels), length, Images);
        }
        Add(DeviceKernels.Transpose, "", Random(Image), Image, (on, at) => Images(on, [at[0], at[0], at[0], at[1]]) with
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
        Add(DeviceKernels.Gelu, "", Random(Image, Image, Channels), Image, Elements);
        Add(DeviceKernels.Residual, "", Random(Image, Image, Channels), Image, Elements);
        foreach (var (what, of, residual) in (ReadOnlySpan<(string, int, int)>)[("", 1, 0), (" of 4", 4, 0), (" of residual", 1, 1)])
        {
            var inputs = Random(of * Image, Image, Channels, Channels, Channels);
            Add(DeviceKernels.Norm, what, inputs, (1 + residual) * Image, (on, at) => new NormArguments
            {
                Rows = Image / Channels,
                PartLength = Image,
                Channels = Channels,
                Parts = of,
                Residual = residual,
                LaneBits = on.LaneBits(Channels, together: true),
                X = (float*)at[0],
                Branch = (float*)at[1],
                Bias = (float*)at[2],
                Gain = (float*)at[3],
                Shift = (float*)at[4],
                Y = (float*)at[5],
                Sum = (float*)at[5] + (residual * Image),
            });
        }
        int[] offsets = [0, Channels, Channels + 33, Slot];
        float[][] places = [Bits(4, 0, 2), Bits(offsets)];
        Add(DeviceKernels.Gather, "", [.. Random(Slots * Slot), .. places], Batch * Slot, (on, at) => Moves(on, at, 0, 3));
        Add(DeviceKernels.Scatter, "", [.. Random(Batch * Slot), .. places], Slots * Slot, (on, at) => Moves(on, at, 3, 0));
        SlotArguments Moves(Device on, nint[] at, int slots, int states) => new()
        {
            Batch = Batch,
            Tensors = offsets.Length - 1,
            SlotLength = Slot,
            LaneBits = on.LaneBits(Slot),
            Slots = (float*)at[slots],
            Indices = (int*)at[1],
            Offsets = (int*)at[2],
            States = (float*)at[states],
        };
        foreach (var rank in (ReadOnlySpan<int>)[2, 6, 12, 24, 48])
        {
            var inputs = Random(
                Image, Image / Channels * 4 * (rank + 2), 4 * rank * Channels, 4 * Channels, 4 * Channels, Channels,
                Batch * Rows * Channels, Batch * Channels);
            inputs[4] = [.. inputs[4].Select(decay => -0.1f - Math.Abs(decay))];
            Add(DeviceKernels.Scan(rank), "", [.. inputs, Bits(0, 1, 0)], (4 * Image) + (Batch * (Rows + 1) * Channels), (on, at) => new()
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
                First = (int*)at[8],
                Y = (float*)at[9],
                NextRow = (float*)at[9] + (4 * Image),
                NextColumn = (float*)at[9] + (4 * Image) + (Batch * Rows * Channels),
            });
        }
        return parts;

        void Add<TArguments>(
            DeviceKernel<TArguments> kernel, string what, float[][] inputs, int output, Func<Device, nint[], TArguments> arguments)
            where TArguments : unmanaged
        {
            var name = $"kernel {kernel.Name}{what}";
            float[] On(Device on) => Run(on, kernel, inputs, output, arguments);
            parts.Add((name, () => report.Error(name, Largest.Error(On(emulated), On(device)), 5e-6)));
        }
    }

    private static float[] Run<TArguments>(
        Device on, DeviceKernel<TArguments> kernel, float[][] inputs, int output, Func<Device, nint[], TArguments> arguments)
        where TArguments : unmanaged
    {
        var stream = on.CreateStream();
        var at = new nint[inputs.Length + 1];
        try
        {
            for (var i = 0; i < inputs.Length; i++)
            {
                var bytes = sizeof(float) * (long)inputs[i].Length;
                at[i] = on.Allocate(bytes);
                fixed (float* source = inputs[i])
                {
                    on.CopyIn(at[i], (nint)source, bytes, stream);
                    on.Synchronize(stream);
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
            return result;
        }
        finally
        {
            foreach (var address in at)
            {
                on.Free(address);
            }
            on.DestroyStream(stream);
        }
    }

    private static float[][] Random(params int[] lengths)
    {
        var random = new Random(5);
        return [.. lengths.Select(length => Enumerable.Range(0, length).Select(_ => 2 * random.NextSingle() - 1).ToArray())];
    }

    // Integers as an input of floats.
    private static float[] Bits(params int[] values) => [.. values.Select(BitConverter.Int32BitsToSingle)];
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
