using Dass.Grid.Engine.Model.Onnx.Operators;

namespace Dass.Grid.Engine.Model.Onnx.Cuda.Kernels;

/// <summary>Parameters of <see cref="NormKernel"/>.</summary>
internal struct NormArguments
{
    public long Rows;

    /// <summary>Floats from one part of x to the next.</summary>
    public long PartLength;

    public int Channels;

    /// <summary>Tensors that x is the sum of: 4 behind the scan, whose routes write apart, else 1.</summary>
    public int Parts;

    /// <summary>1: with a branch and its sum; 0: without.</summary>
    public int Residual;

    public int LaneBits;

    public DevicePointer<float> X, Branch, Bias, Gain, Shift, Sum, Y;
}

/// <summary>LayerNorm over rows of channels; see <see cref="BiasNorm"/>, <see cref="ResidualNorm"/> and <see cref="ScanNorm"/>.</summary>
internal static unsafe class NormKernel
{
    public static void Run(NormArguments a)
    {
        float* x = a.X.Pointer, bias = a.Bias.Pointer, gain = a.Gain.Pointer, shift = a.Shift.Pointer;
        float* branch = a.Branch.Pointer, y = a.Y.Pointer, held = a.Residual != 0 ? a.Sum.Pointer : y;
        var share = RowShare.Of(a.LaneBits);
        for (var row = share.Row; row < a.Rows; row += share.Step)
        {
            var at = row * a.Channels;
            var total = 0f;
            for (var d = share.Lane; d < a.Channels; d += share.Lanes)
            {
                var value = x[at + d];
                for (var part = 1; part < a.Parts; part++)
                {
                    value += x[part * a.PartLength + at + d];
                }
                value += bias[d];
                if (a.Residual != 0)
                {
                    value += branch[at + d];
                }
                held[at + d] = value;
                total += value;
            }
            var mean = RowShare.Sum(total, share.Lanes) / a.Channels;
            var squares = 0f;
            for (var d = share.Lane; d < a.Channels; d += share.Lanes)
            {
                var centred = held[at + d] - mean;
                squares += centred * centred;
            }
            var scale = 1f / MathF.Sqrt(RowShare.Sum(squares, share.Lanes) / a.Channels + Operators.NormKernel.Epsilon);
            for (var d = share.Lane; d < a.Channels; d += share.Lanes)
            {
                y[at + d] = (held[at + d] - mean) * scale * gain[d] + shift[d];
            }
        }
    }
}
