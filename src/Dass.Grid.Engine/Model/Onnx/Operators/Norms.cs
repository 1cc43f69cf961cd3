using System.Runtime.CompilerServices;
using Dass.Grid.Engine.Model.Onnx.Native;

namespace Dass.Grid.Engine.Model.Onnx.Operators;

/// <summary>LayerNorm over the channels of a biased input: y = LN(x [..,D] + bias [D]; gain [D], shift [D]).</summary>
internal sealed class BiasNorm() : CustomOperator(nameof(BiasNorm), 1, Floats(4))
{
    public override Kernel Create(KernelInfo info) => new NormNode(residual: false);
}

/// <summary>
/// A <see cref="BiasNorm"/> of what <see cref="SelectiveScan"/> puts out: one tensor on the processor, and on a device the four routes
/// apart, which it adds.
/// </summary>
internal sealed class ScanNorm() : CustomOperator(nameof(ScanNorm), 1, Floats(4))
{
    public override Kernel Create(KernelInfo info) => new NormNode(residual: false);
}

/// <summary>
/// The end of a residual branch and the norm that begins the next one:
/// sum, y = f(x [..,D], branch [..,D], bias [D], gain [D], shift [D]) with sum = x + branch + bias and y = LN(sum; gain, shift).
/// </summary>
internal sealed class ResidualNorm() : CustomOperator(nameof(ResidualNorm), 2, Floats(5))
{
    public override Kernel Create(KernelInfo info) => new NormNode(residual: true);
}

/// <summary>Node of a <see cref="BiasNorm"/> or, with a branch and its sum, of a <see cref="ResidualNorm"/>.</summary>
internal sealed unsafe class NormNode(bool residual) : Kernel
{
    public override void Compute(KernelContext context)
    {
        var tokens = Tokens.From(context, stackalloc long[Tokens.MaxRank], out var x);
        var first = residual ? 1 : 0; // of the inputs and outputs that both have
        Lanes.Dispatch(
            new NormKernel
            {
                Count = tokens.Count,
                Channels = tokens.Channels,
                X = x,
                Branch = residual ? context.Input(1) : null,
                Bias = context.Input(first + 1),
                Gain = context.Input(first + 2),
                Shift = context.Input(first + 3),
                Sum = residual ? context.Output(0, tokens.Shape) : null,
                Y = context.Output(first, tokens.Shape),
            },
            tokens.Channels);
    }
}

/// <summary>Rows of channels; see <see cref="BiasNorm"/> and <see cref="ResidualNorm"/>.</summary>
internal unsafe struct NormKernel : ILaneKernel
{
    public const float Epsilon = 1e-5f;

    public long Count;
    public int Channels;
    public float* X, Branch, Bias, Gain, Shift, Sum, Y;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Invoke<TLanes, TVector>()
        where TLanes : ILanes<TVector>
        where TVector : struct
    {
        nint channels = Channels;
        float* x = X, branch = Branch, bias = Bias, sum = Sum, y = Y, gain = Gain, shift = Shift;
        for (long token = 0; token < Count; token++)
        {
            // The biased input is kept in y (or sum) so that the passes for mean, variance and output read it from the cache.
            var held = sum != null ? sum : y;
            var total = TLanes.Create(0);
            for (nint d = 0; d < channels; d += TLanes.Width)
            {
                var value = TLanes.Add(TLanes.Load(x + d), TLanes.Load(bias + d));
                if (branch != null)
                {
                    value = TLanes.Add(value, TLanes.Load(branch + d));
                }
                TLanes.Store(value, held + d);
                total = TLanes.Add(total, value);
            }
            var mean = TLanes.Create(TLanes.Sum(total) / channels);

            // Two passes: the one-pass E[x²] − E[x]² cancels when the mean is large.
            var squares = TLanes.Create(0);
            for (nint d = 0; d < channels; d += TLanes.Width)
            {
                var centred = TLanes.Subtract(TLanes.Load(held + d), mean);
                squares = TLanes.MultiplyAdd(centred, centred, squares);
            }
            var scale = TLanes.Create(1f / MathF.Sqrt(TLanes.Sum(squares) / channels + Epsilon));
            for (nint d = 0; d < channels; d += TLanes.Width)
            {
                var normal = TLanes.Multiply(TLanes.Subtract(TLanes.Load(held + d), mean), scale);
                TLanes.Store(TLanes.MultiplyAdd(normal, TLanes.Load(gain + d), TLanes.Load(shift + d)), y + d);
            }
            x += channels;
            y += channels;
            branch = branch != null ? branch + channels : null;
            sum = sum != null ? sum + channels : null;
        }
    }
}
