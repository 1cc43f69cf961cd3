using System.Reflection;
using Dass.Grid.Engine.Model.Onnx.Cuda.Kernels;

namespace Dass.Grid.Engine.Model.Onnx.Cuda;

/// <summary>A kernel in C#: a static method with one struct as parameter, of which every thread of a launch runs a copy.</summary>
internal abstract class DeviceKernel(string name, MethodInfo method, int argumentBytes)
{
    public string Name => name;

    /// <summary>What an error of the driver names; made once, because a step launches a hundred kernels.</summary>
    public string LaunchText { get; } = "launch " + name;

    public MethodInfo Method => method;

    /// <summary>Bytes of the parameter.</summary>
    public int ArgumentBytes => argumentBytes;
}

internal sealed unsafe class DeviceKernel<TArguments>(string name, Action<TArguments> entry)
    : DeviceKernel(name, entry.Method, sizeof(TArguments))
    where TArguments : unmanaged
{
    public Action<TArguments> Entry => entry;
}

/// <summary>All kernels of a step.</summary>
internal static class DeviceKernels
{
    public static readonly DeviceKernel<ImageArguments> Im2Col = new(nameof(Im2Col), ImageKernels.Im2Col);
    public static readonly DeviceKernel<ImageArguments> DepthwiseConvSilu = new(nameof(DepthwiseConvSilu), ImageKernels.DepthwiseConvSilu);
    public static readonly DeviceKernel<ImageArguments> KeepColumn = new(nameof(KeepColumn), ImageKernels.KeepColumn);
    public static readonly DeviceKernel<ImageArguments> SumRows = new(nameof(SumRows), ImageKernels.SumRows);
    public static readonly DeviceKernel<ImageArguments> Transpose = new(nameof(Transpose), ImageKernels.Transpose);
    public static readonly DeviceKernel<NormArguments> Norm = new(nameof(Norm), NormKernel.Run);
    public static readonly DeviceKernel<ElementwiseArguments> Gelu = new(nameof(Gelu), ElementwiseKernels.Gelu);
    public static readonly DeviceKernel<ElementwiseArguments> Residual = new(nameof(Residual), ElementwiseKernels.Residual);
    public static readonly DeviceKernel<SlotArguments> Gather = new(nameof(Gather), SlotKernels.Gather);
    public static readonly DeviceKernel<SlotArguments> Scatter = new(nameof(Scatter), SlotKernels.Scatter);

    private static readonly DeviceKernel<ScanArguments> ScanAny = new("Scan", ScanKernel.Run<AnyWeights>);
    private static readonly DeviceKernel<ScanArguments> Scan6 = new(nameof(Scan6), ScanKernel.Run<Twice<ThreeWeights>>);
    private static readonly DeviceKernel<ScanArguments> Scan12 = new(nameof(Scan12), ScanKernel.Run<Twice<Twice<ThreeWeights>>>);
    private static readonly DeviceKernel<ScanArguments> Scan24 = new(nameof(Scan24), ScanKernel.Run<Twice<Twice<Twice<ThreeWeights>>>>);
    private static readonly DeviceKernel<ScanArguments> Scan48 =
        new(nameof(Scan48), ScanKernel.Run<Twice<Twice<Twice<Twice<ThreeWeights>>>>>);

    public static IReadOnlyList<DeviceKernel> All { get; } =
    [
        Im2Col, DepthwiseConvSilu, KeepColumn, SumRows, Transpose, Norm, Gelu, Residual, Gather, Scatter, ScanAny, Scan6, Scan12, Scan24,
        Scan48,
    ];

    /// <summary>The scan with its rank compiled in, where a published size has that rank.</summary>
    public static DeviceKernel<ScanArguments> Scan(int rank) => rank switch
    {
        6 => Scan6,
        12 => Scan12,
        24 => Scan24,
        48 => Scan48,
        _ => ScanAny,
    };
}
