using Dass.Grid.Engine.Model.Onnx.Operators;

namespace Dass.Grid.Engine.Model.Onnx.Cuda.Kernels;

/// <summary>Parameters of the kernels that take each channel of each row alone.</summary>
internal struct ElementwiseArguments
{
    public long Rows;
    public int Channels, LaneBits;
    public DevicePointer<float> X, Branch, Bias, Y;
}

internal static unsafe class ElementwiseKernels
{
    /// <summary>See <see cref="BiasGelu"/>.</summary>
    public static void Gelu(ElementwiseArguments a)
    {
        float* x = a.X.Pointer, bias = a.Bias.Pointer, y = a.Y.Pointer;
        var share = RowShare.Of(a.LaneBits);
        for (var row = share.Row; row < a.Rows; row += share.Step)
        {
            var at = row * a.Channels;
            for (var d = share.Lane; d < a.Channels; d += share.Lanes)
            {
                y[at + d] = DeviceMath.Gelu(x[at + d] + bias[d]);
            }
        }
    }

    /// <summary>See <see cref="Operators.Residual"/>.</summary>
    public static void Residual(ElementwiseArguments a)
    {
        float* x = a.X.Pointer, branch = a.Branch.Pointer, bias = a.Bias.Pointer, y = a.Y.Pointer;
        var share = RowShare.Of(a.LaneBits);
        for (var row = share.Row; row < a.Rows; row += share.Step)
        {
            var at = row * a.Channels;
            for (var d = share.Lane; d < a.Channels; d += share.Lanes)
            {
                y[at + d] = x[at + d] + branch[at + d] + bias[d];
            }
        }
    }
}
