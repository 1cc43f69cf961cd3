using System.Runtime.CompilerServices;
using Dass.Grid.Engine.Model.Onnx.Native;

namespace Dass.Grid.Engine.Model.Onnx.Operators;

/// <summary>Bytes and scales of LN(x [..,D] + bias [D]; gain [D], shift [D]).</summary>
internal sealed class NormQuantize() : Quantizing(nameof(NormQuantize), Floats(4))
{
    public override Kernel Create(KernelInfo info) => new Node();

    private sealed unsafe class Node : Kernel
    {
        public override void Compute(KernelContext context)
        {
            var tokens = Tokens.From(context, stackalloc long[Tokens.MaxRank], out var x);
            var (bytes, scales) = Allocate(context, 0, tokens.Shape);
            Quantization.Run(
                new NormQuantizeKernel
                {
                    Count = tokens.Count,
                    Channels = tokens.Channels,
                    X = x,
                    Bias = context.Input(1),
                    Gain = context.Input(2),
                    Shift = context.Input(3),
                    Q = (byte*)bytes,
                    Scales = (float*)scales,
                },
                tokens.Channels,
                tokens.Channels);
        }
    }
}

/// <summary>
/// The end of a residual branch, which is a product of bytes, and the norm that begins the next one:
/// sum, q, q scales = f(x [..,D], p [..,D], p scales [..,1], weight scales [D], bias [D], gain [D], shift [D]) with
/// sum = x + p · p scales · weight scales + bias and q the bytes of LN(sum; gain, shift).
/// </summary>
internal sealed class ResidualNormQuantize() : CustomOperator(
    nameof(ResidualNormQuantize), 3, ElementType.Float, ElementType.Int32, ElementType.Float, ElementType.Float, ElementType.Float,
    ElementType.Float, ElementType.Float)
{
    public override ElementType OutputType(int index) => index == 1 ? ElementType.UInt8 : ElementType.Float;

    public override Kernel Create(KernelInfo info) => new Node();

    private sealed unsafe class Node : Kernel
    {
        public override void Compute(KernelContext context)
        {
            var tokens = Tokens.From(context, stackalloc long[Tokens.MaxRank], out var x);
            var sum = context.Output(0, tokens.Shape);
            var (bytes, scales) = Quantizing.Allocate(context, 1, tokens.Shape);
            Quantization.Run(
                new NormQuantizeKernel
                {
                    Count = tokens.Count,
                    Channels = tokens.Channels,
                    X = x,
                    Product = context.Int32Input(1),
                    ProductScales = context.Input(2),
                    Weights = context.Input(3),
                    Bias = context.Input(4),
                    Gain = context.Input(5),
                    Shift = context.Input(6),
                    Sum = sum,
                    Q = (byte*)bytes,
                    Scales = (float*)scales,
                },
                tokens.Channels,
                tokens.Channels);
        }
    }
}

/// <summary>Rows of channels; see <see cref="NormQuantize"/> and <see cref="ResidualNormQuantize"/>.</summary>
internal unsafe struct NormQuantizeKernel : ILaneKernel, INeedsRow
{
    public long Count;
    public int Channels;
    public float* X, ProductScales, Weights, Bias, Gain, Shift, Sum, Scales;
    public int* Product;
    public byte* Q;

    public float* Row { get; set; }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Invoke<TLanes, TVector>()
        where TLanes : ILanes<TVector>
        where TVector : struct
    {
        nint channels = Channels;
        float* x = X, bias = Bias, sum = Sum, row = Row, gain = Gain, shift = Shift;
        var product = Product;
        var q = Q;
        for (long token = 0; token < Count; token++, x += channels, q += channels)
        {
            var total = TLanes.Create(0);
            var held = sum != null ? sum : row;
            var scale = TLanes.Create(product != null ? ProductScales[token] : 0);
            for (nint d = 0; d < channels; d += TLanes.Width)
            {
                var value = TLanes.Add(TLanes.Load(x + d), TLanes.Load(bias + d));
                if (product != null)
                {
                    value = TLanes.MultiplyAdd(TLanes.Multiply(TLanes.LoadInt32(product + d), scale), TLanes.Load(Weights + d), value);
                }
                TLanes.Store(value, held + d);
                total = TLanes.Add(total, value);
            }
            var mean = TLanes.Create(TLanes.Sum(total) / channels);
            var squares = TLanes.Create(0);
            for (nint d = 0; d < channels; d += TLanes.Width)
            {
                var centred = TLanes.Subtract(TLanes.Load(held + d), mean);
                squares = TLanes.MultiplyAdd(centred, centred, squares);
            }
            var normal = TLanes.Create(1f / MathF.Sqrt(TLanes.Sum(squares) / channels + NormKernel.Epsilon));
            var highest = TLanes.Create(0);
            for (nint d = 0; d < channels; d += TLanes.Width)
            {
                var value = TLanes.Multiply(TLanes.Subtract(TLanes.Load(held + d), mean), normal);
                value = TLanes.MultiplyAdd(value, TLanes.Load(gain + d), TLanes.Load(shift + d));
                highest = Quantization.Highest<TLanes, TVector>(highest, value);
                TLanes.Store(value, row + d);
            }
            Scales[token] = Quantization.Write<TLanes, TVector>(row, channels, highest, q);
            product = product != null ? product + channels : null;
            sum = sum != null ? sum + channels : null;
        }
    }
}
