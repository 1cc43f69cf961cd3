using System.Runtime.CompilerServices;
using Dass.Grid.Engine.Model.Onnx.Cuda.Kernels;
using Dass.Grid.Engine.Model.Onnx.Native;
using Dass.Grid.Engine.Model.Onnx.Operators;

namespace Dass.Grid.Engine.Model.Onnx.Cuda;

/// <summary>The operators of <see cref="DassGraph"/> as launches of kernels, under the names of the processor's operators.</summary>
internal static class DeviceOperators
{
    private static readonly ConditionalWeakTable<Device, CustomOperatorDomain> Domains = [];

    /// <summary>One domain for each device, because what ONNX Runtime is told of it lives as long as the process.</summary>
    public static CustomOperatorDomain Of(Device device) => Domains.GetValue(device, Create);

    private static CustomOperatorDomain Create(Device device)
    {
        CustomOperator Floats(string name, int outputs, int inputs, Func<KernelInfo, Kernel> create) =>
            new DeviceOperator(name, outputs, create, [.. Enumerable.Repeat(ElementType.Float, inputs)]);
        CustomOperator Stateful(string name, int inputs, Func<KernelInfo, Kernel> create) =>
            new DeviceOperator(name, 2, create, [.. Enumerable.Repeat(ElementType.Float, inputs), ElementType.Int64]);

        return new CustomOperatorDomain(
            DassGraph.Domain, device.Provider,
            Stateful(nameof(Im2Col), 2, info => new ImageNode(device, info.Int("halvings"), convolves: false)),
            Stateful(nameof(DepthwiseConvSilu), 3, info => new ImageNode(device, info.Int("halvings"), convolves: true)),
            new DeviceOperator(
                nameof(SelectiveScan), 3, info => new ScanNode(device, info.Int("rank"), info.Int("halvings")),
                [.. Enumerable.Repeat(ElementType.Float, 8), ElementType.Int32, ElementType.Int64]),
            Floats(nameof(ScanNorm), 1, 4, _ => new NormNode(device, residual: false, parts: 4)),
            Floats(nameof(BiasNorm), 1, 4, _ => new NormNode(device, residual: false, parts: 1)),
            Floats(nameof(ResidualNorm), 2, 5, _ => new NormNode(device, residual: true, parts: 1)),
            Floats(nameof(BiasGelu), 1, 2, _ => new ElementwiseNode(device, residual: false)),
            Floats(nameof(Residual), 1, 3, _ => new ElementwiseNode(device, residual: true)),
            Floats(nameof(SumRows), 1, 1, _ => new SumNode(device)));
    }

    private sealed class DeviceOperator(string name, int outputs, Func<KernelInfo, Kernel> create, ElementType[] inputs)
        : CustomOperator(name, outputs, inputs)
    {
        public override Kernel Create(KernelInfo info) => create(info);
    }

    /// <summary>A convolution's part that is no matrix product: its patches, or all of it, and the column that it keeps.</summary>
    private sealed unsafe class ImageNode(Device device, int halvings, bool convolves) : Kernel
    {
        public override void Compute(KernelContext context)
        {
            Span<long> shape = stackalloc long[4];
            var x = context.Input(0, shape, out _);
            var (batch, rows, columns, channels) = ((int)shape[0], (int)shape[1], (int)shape[2], (int)shape[3]);
            long outRows = convolves ? rows : 9L * ((rows + 1) / 2), outColumns = convolves ? columns : (columns + 1) / 2;
            var lanes = device.LaneBits(channels);
            var stream = device.StreamOf(context);
            var work = new ImageArguments
            {
                Batch = batch,
                Rows = rows,
                Columns = columns,
                Channels = channels,
                Committed = DassConfig.Halved((int)*context.Int64Input(convolves ? 3 : 2), halvings),
                LaneBits = lanes,
                X = x,
                Weights = convolves ? context.Input(1) : null,
                Left = context.Input(convolves ? 2 : 1),
                Y = convolves ? context.Output(0, shape) : context.Output(0, batch, outRows / 9, outColumns, 9 * channels),
            };
            device.Launch(
                convolves ? DeviceKernels.DepthwiseConvSilu : DeviceKernels.Im2Col, work, batch * outRows * outColumns, lanes, stream);
            work.Y = context.Output(1, batch, rows, channels);
            device.Launch(DeviceKernels.KeepColumn, work, (long)batch * rows, lanes, stream);
        }
    }

    /// <summary>Unlike the processor's, it puts out the four routes apart: [4,B,H,W,D]; <see cref="ScanNorm"/> adds them.</summary>
    private sealed unsafe class ScanNode(Device device, int rank, int halvings) : Kernel
    {
        public override void Compute(KernelContext context)
        {
            Span<long> shape = stackalloc long[4];
            var u = context.Input(0, shape, out _);
            var (batch, rows, columns, channels) = ((int)shape[0], (int)shape[1], (int)shape[2], (int)shape[3]);
            device.Launch(
                DeviceKernels.Scan(rank),
                new ScanArguments
                {
                    Batch = batch,
                    Rows = rows,
                    Columns = columns,
                    Channels = channels,
                    Rank = rank,
                    Committed = DassConfig.Halved((int)*context.Int64Input(9), halvings),
                    LaneBits = device.LaneBits(1),
                    U = u,
                    Projections = context.Input(1),
                    StepWeights = context.Input(2),
                    StepBias = context.Input(3),
                    A = context.Input(4),
                    Skip = context.Input(5),
                    Row = context.Input(6),
                    Column = context.Input(7),
                    First = context.Int32Input(8),
                    Y = context.Output(0, 4, batch, rows, columns, channels),
                    NextRow = context.Output(1, batch, rows, channels),
                    NextColumn = context.Output(2, batch, channels),
                },
                4L * batch * channels,
                device.LaneBits(1),
                device.StreamOf(context));
        }
    }

    private sealed unsafe class NormNode(Device device, bool residual, int parts) : Kernel
    {
        public override void Compute(KernelContext context)
        {
            var tokens = Tokens.From(context, stackalloc long[Tokens.MaxRank + 1], out var x);
            var shape = parts > 1 ? tokens.Shape[1..] : tokens.Shape;
            var rows = tokens.Count / parts;
            var first = residual ? 1 : 0; // of the inputs and outputs that both have
            var lanes = device.LaneBits(tokens.Channels, together: true);
            device.Launch(
                DeviceKernels.Norm,
                new NormArguments
                {
                    Rows = rows,
                    PartLength = rows * tokens.Channels,
                    Channels = tokens.Channels,
                    Parts = parts,
                    Residual = first,
                    LaneBits = lanes,
                    X = x,
                    Branch = residual ? context.Input(1) : null,
                    Bias = context.Input(first + 1),
                    Gain = context.Input(first + 2),
                    Shift = context.Input(first + 3),
                    Sum = residual ? context.Output(0, shape) : null,
                    Y = context.Output(first, shape),
                },
                rows,
                lanes,
                device.StreamOf(context));
        }
    }

    private sealed unsafe class ElementwiseNode(Device device, bool residual) : Kernel
    {
        public override void Compute(KernelContext context)
        {
            var tokens = Tokens.From(context, stackalloc long[Tokens.MaxRank], out var x);
            var lanes = device.LaneBits(tokens.Channels);
            device.Launch(
                residual ? DeviceKernels.Residual : DeviceKernels.Gelu,
                new ElementwiseArguments
                {
                    Rows = tokens.Count,
                    Channels = tokens.Channels,
                    LaneBits = lanes,
                    X = x,
                    Branch = residual ? context.Input(1) : null,
                    Bias = context.Input(residual ? 2 : 1),
                    Y = context.Output(0, tokens.Shape),
                },
                tokens.Count,
                lanes,
                device.StreamOf(context));
        }
    }

    private sealed unsafe class SumNode(Device device) : Kernel
    {
        public override void Compute(KernelContext context)
        {
            Span<long> shape = stackalloc long[4];
            var x = context.Input(0, shape, out _);
            var lanes = device.LaneBits((int)shape[3]);
            device.Launch(
                DeviceKernels.SumRows,
                new ImageArguments
                {
                    Batch = (int)shape[0],
                    Rows = (int)shape[1],
                    Columns = (int)shape[2],
                    Channels = (int)shape[3],
                    LaneBits = lanes,
                    X = x,
                    Y = context.Output(0, shape[0], shape[2], shape[3]),
                },
                shape[0] * shape[2],
                lanes,
                device.StreamOf(context));
        }
    }
}
