using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Dass.Grid.Engine.Model.Onnx.Native;

namespace Dass.Grid.Engine.Model.Onnx.Operators;

/// <summary>
/// Depthwise 3×3 convolution with padding 1 and SiLU: y, left' = f(x [B,H,W,D], w [9,D], left [B,H,D], committed [1]).
/// The column before the window is <c>left</c>, the one after it is zero; <c>left'</c> is the last committed input column.
/// </summary>
internal sealed class DepthwiseConvSilu() : CustomOperator(nameof(DepthwiseConvSilu), 2, [.. Floats(3), ElementType.Int64])
{
    public override Kernel Create(KernelInfo info) => new Node(info.Int("halvings"));

    private sealed unsafe class Node(int halvings) : Kernel
    {
        public override void Compute(KernelContext context)
        {
            Span<long> shape = stackalloc long[4];
            var x = context.Input(0, shape, out _);
            var (batch, rows, columns, channels) = ((int)shape[0], (int)shape[1], (int)shape[2], (int)shape[3]);
            var left = context.Input(2);
            var committed = DassConfig.Halved((int)*context.Int64Input(3), halvings);
            var y = context.Output(0, shape);
            var nextLeft = context.Output(1, batch, rows, channels);
            var zero = (float*)NativeMemory.AlignedAlloc((nuint)channels * sizeof(float), 64);
            new Span<float>(zero, channels).Clear();
            for (var item = 0; item < batch; item++)
            {
                var tokens = (long)item * rows * columns * channels;
                Lanes.Dispatch(
                    new DepthwiseConvSiluKernel
                    {
                        Rows = rows,
                        Columns = columns,
                        Channels = channels,
                        X = x + tokens,
                        Weights = context.Input(1),
                        Left = left + (long)item * rows * channels,
                        Zero = zero,
                        Y = y + tokens,
                    },
                    channels / 2); // two vectors at a time
            }
            NativeMemory.AlignedFree(zero);
            LeftColumn.Keep(x, nextLeft, batch * rows, columns, channels, committed);
        }
    }
}

/// <summary>The convolution of one stream; see <see cref="DepthwiseConvSilu"/>.</summary>
internal unsafe struct DepthwiseConvSiluKernel : ILaneKernel
{
    public int Rows, Columns, Channels;
    public float* X, Weights, Left, Zero, Y;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Invoke<TLanes, TVector>()
        where TLanes : ILanes<TVector>
        where TVector : struct
    {
        var near = stackalloc float*[9];
        nint channels = Channels, width = TLanes.Width;
        float* w = Weights, y = Y;
        for (var row = 0; row < Rows; row++)
        {
            for (var column = 0; column < Columns; column++, y += channels)
            {
                for (var i = 0; i < 9; i++)
                {
                    int r = row + i / 3 - 1, c = column + i % 3 - 1;
                    near[i] = r < 0 || r >= Rows || c >= Columns ? Zero
                        : c < 0 ? Left + r * channels
                        : X + ((nint)r * Columns + c) * channels;
                }
                float* x0 = near[0], x1 = near[1], x2 = near[2], x3 = near[3], x4 = near[4], x5 = near[5],
                    x6 = near[6], x7 = near[7], x8 = near[8];
                for (nint d = 0; d < channels; d += 2 * width)
                {
                    TVector a = TLanes.Multiply(TLanes.Load(x0 + d), TLanes.Load(w + d));
                    TVector b = TLanes.Multiply(TLanes.Load(x0 + d + width), TLanes.Load(w + d + width));
                    Tap<TLanes, TVector>(ref a, ref b, x1 + d, w + channels + d);
                    Tap<TLanes, TVector>(ref a, ref b, x2 + d, w + 2 * channels + d);
                    Tap<TLanes, TVector>(ref a, ref b, x3 + d, w + 3 * channels + d);
                    Tap<TLanes, TVector>(ref a, ref b, x4 + d, w + 4 * channels + d);
                    Tap<TLanes, TVector>(ref a, ref b, x5 + d, w + 5 * channels + d);
                    Tap<TLanes, TVector>(ref a, ref b, x6 + d, w + 6 * channels + d);
                    Tap<TLanes, TVector>(ref a, ref b, x7 + d, w + 7 * channels + d);
                    Tap<TLanes, TVector>(ref a, ref b, x8 + d, w + 8 * channels + d);
                    VectorMath<TLanes, TVector>.Silu(ref a, ref b);
                    TLanes.Store(a, y + d);
                    TLanes.Store(b, y + d + width);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Tap<TLanes, TVector>(ref TVector a, ref TVector b, float* x, float* w)
        where TLanes : ILanes<TVector>
        where TVector : struct
    {
        a = TLanes.MultiplyAdd(TLanes.Load(x), TLanes.Load(w), a);
        b = TLanes.MultiplyAdd(TLanes.Load(x + TLanes.Width), TLanes.Load(w + TLanes.Width), b);
    }
}
