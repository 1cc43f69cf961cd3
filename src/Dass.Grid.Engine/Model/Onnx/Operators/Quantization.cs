using System.Runtime.CompilerServices;
using Dass.Grid.Engine.Model.Onnx.Native;

namespace Dass.Grid.Engine.Model.Onnx.Operators;

/// <summary>
/// Activations in bytes, each token with a scale of its own: x ≈ scale · (q − 128), scale = max|x| / 127. So what a stream's tokens become
/// depends on them alone, and not on what else is in the batch.
/// </summary>
internal static unsafe class Quantization
{
    /// <summary>The byte of zero.</summary>
    public const byte Zero = 128;

    /// <summary>Most steps from zero on either side.</summary>
    public const float Steps = 127;

    // Adding 1.5 · 2²³ leaves the nearest integer in the low mantissa bits.
    private const float Shift = 12_582_912f + Zero;

    private const int StackFloats = 8_192;

    /// <summary>Writes one token's bytes.</summary>
    /// <param name="row">Its values.</param>
    /// <param name="channels">How many.</param>
    /// <param name="highest">The highest magnitude of each lane.</param>
    /// <param name="q">Receives the bytes.</param>
    /// <returns>The scale.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Write<TLanes, TVector>(float* row, nint channels, TVector highest, byte* q)
        where TLanes : ILanes<TVector>
        where TVector : struct
    {
        var most = TLanes.Highest(highest);
        var (inverse, shift) = (TLanes.Create(most > 0 ? Steps / most : 0), TLanes.Create(Shift));
        for (nint d = 0; d < channels; d += TLanes.Width)
        {
            TLanes.StoreLowBytes(TLanes.MultiplyAdd(TLanes.Load(row + d), inverse, shift), q + d);
        }
        return most / Steps;
    }

    /// <summary>The higher of the magnitudes seen so far and those of some values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Highest<TLanes, TVector>(TVector highest, TVector values)
        where TLanes : ILanes<TVector>
        where TVector : struct =>
        TLanes.Max(highest, TLanes.Subtract(TLanes.Create(0), TLanes.NegativeAbs(values)));

    /// <summary>Runs a kernel that needs room for the values of one token.</summary>
    public static void Run<TKernel>(TKernel kernel, int channels, int multiple)
        where TKernel : struct, ILaneKernel, INeedsRow
    {
        Span<float> room = channels <= StackFloats ? stackalloc float[channels] : new float[channels];
        fixed (float* row = room)
        {
            kernel.Row = row;
            Lanes.Dispatch(kernel, multiple);
        }
    }
}

/// <summary>A kernel that keeps the values of one token.</summary>
internal unsafe interface INeedsRow
{
    float* Row { set; }
}

/// <summary>An operator whose first output is the bytes of <see cref="Quantization"/> and whose second is their scales [..,1].</summary>
internal abstract class Quantizing(string name, params ElementType[] inputs) : CustomOperator(name, 2, inputs)
{
    public override ElementType OutputType(int index) => index == 0 ? ElementType.UInt8 : ElementType.Float;

    /// <summary>Both outputs for tokens of a shape.</summary>
    public static unsafe (nint Bytes, nint Scales) Allocate(KernelContext context, int first, ReadOnlySpan<long> shape)
    {
        var bytes = context.ByteOutput(first, shape);
        Span<long> scales = stackalloc long[shape.Length];
        shape.CopyTo(scales);
        scales[^1] = 1;
        return ((nint)bytes, (nint)context.Output(first + 1, scales));
    }
}

/// <summary>Bytes and scales of x [..,D].</summary>
internal sealed class Quantize() : Quantizing(nameof(Quantize), ElementType.Float)
{
    public override Kernel Create(KernelInfo info) => new Node();

    private sealed unsafe class Node : Kernel
    {
        public override void Compute(KernelContext context)
        {
            var tokens = Tokens.From(context, stackalloc long[Tokens.MaxRank], out var x);
            var (bytes, scales) = Allocate(context, 0, tokens.Shape);
            Lanes.Dispatch(
                new QuantizeKernel { Count = tokens.Count, Channels = tokens.Channels, X = x, Q = (byte*)bytes, Scales = (float*)scales },
                tokens.Channels);
        }
    }

    internal unsafe struct QuantizeKernel : ILaneKernel
    {
        public long Count;
        public int Channels;
        public float* X, Scales;
        public byte* Q;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Invoke<TLanes, TVector>()
            where TLanes : ILanes<TVector>
            where TVector : struct
        {
            nint channels = Channels;
            var x = X;
            var q = Q;
            for (long token = 0; token < Count; token++, x += channels, q += channels)
            {
                var highest = TLanes.Create(0);
                for (nint d = 0; d < channels; d += TLanes.Width)
                {
                    highest = Quantization.Highest<TLanes, TVector>(highest, TLanes.Load(x + d));
                }
                Scales[token] = Quantization.Write<TLanes, TVector>(x, channels, highest, q);
            }
        }
    }
}

/// <summary>y = p [..,D] · scales [..,1] · weight scales [D]: of a product of bytes.</summary>
internal sealed class Dequantize() : CustomOperator(nameof(Dequantize), 1, ElementType.Int32, ElementType.Float, ElementType.Float)
{
    public override Kernel Create(KernelInfo info) => new Node();

    private sealed unsafe class Node : Kernel
    {
        public override void Compute(KernelContext context)
        {
            var tokens = Tokens.From(context, stackalloc long[Tokens.MaxRank], out var product);
            Lanes.Dispatch(
                new DequantizeKernel
                {
                    Count = tokens.Count,
                    Channels = tokens.Channels,
                    Product = (int*)product,
                    Scales = context.Input(1),
                    Weights = context.Input(2),
                    Y = context.Output(0, tokens.Shape),
                },
                tokens.Channels);
        }
    }

    internal unsafe struct DequantizeKernel : ILaneKernel
    {
        public long Count;
        public int Channels;
        public int* Product;
        public float* Scales, Weights, Y;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Invoke<TLanes, TVector>()
            where TLanes : ILanes<TVector>
            where TVector : struct
        {
            nint channels = Channels;
            var product = Product;
            var y = Y;
            for (long token = 0; token < Count; token++, product += channels, y += channels)
            {
                var scale = TLanes.Create(Scales[token]);
                for (nint d = 0; d < channels; d += TLanes.Width)
                {
                    TLanes.Store(
                        TLanes.Multiply(TLanes.Multiply(TLanes.LoadInt32(product + d), scale), TLanes.Load(Weights + d)), y + d);
                }
            }
        }
    }
}

/// <summary>Bytes and scales of GELU(p [..,D] · scales [..,1] · weight scales [D] + bias [D]): of a product of bytes.</summary>
internal sealed class GeluQuantize()
    : Quantizing(nameof(GeluQuantize), ElementType.Int32, ElementType.Float, ElementType.Float, ElementType.Float)
{
    public override Kernel Create(KernelInfo info) => new Node();

    private sealed unsafe class Node : Kernel
    {
        public override void Compute(KernelContext context)
        {
            var tokens = Tokens.From(context, stackalloc long[Tokens.MaxRank], out var product);
            var (bytes, scales) = Allocate(context, 0, tokens.Shape);
            Quantization.Run(
                new GeluKernel
                {
                    Count = tokens.Count,
                    Channels = tokens.Channels,
                    Product = (int*)product,
                    Scales = context.Input(1),
                    Weights = context.Input(2),
                    Bias = context.Input(3),
                    Q = (byte*)bytes,
                    NewScales = (float*)scales,
                },
                tokens.Channels,
                tokens.Channels / 2); // two vectors at a time
        }
    }

    internal unsafe struct GeluKernel : ILaneKernel, INeedsRow
    {
        public long Count;
        public int Channels;
        public int* Product;
        public float* Scales, Weights, Bias, NewScales;
        public byte* Q;

        public float* Row { get; set; }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Invoke<TLanes, TVector>()
            where TLanes : ILanes<TVector>
            where TVector : struct
        {
            nint channels = Channels, width = TLanes.Width;
            var product = Product;
            var q = Q;
            var row = Row;
            for (long token = 0; token < Count; token++, product += channels, q += channels)
            {
                var scale = TLanes.Create(Scales[token]);
                TVector high = TLanes.Create(0), higher = high;
                for (nint d = 0; d < channels; d += 2 * width)
                {
                    TVector a = TLanes.MultiplyAdd(
                        TLanes.Multiply(TLanes.LoadInt32(product + d), scale), TLanes.Load(Weights + d), TLanes.Load(Bias + d));
                    TVector b = TLanes.MultiplyAdd(
                        TLanes.Multiply(TLanes.LoadInt32(product + d + width), scale),
                        TLanes.Load(Weights + d + width),
                        TLanes.Load(Bias + d + width));
                    VectorMath<TLanes, TVector>.Gelu(ref a, ref b);
                    high = Quantization.Highest<TLanes, TVector>(high, a);
                    higher = Quantization.Highest<TLanes, TVector>(higher, b);
                    TLanes.Store(a, row + d);
                    TLanes.Store(b, row + d + width);
                }
                NewScales[token] = Quantization.Write<TLanes, TVector>(row, channels, TLanes.Max(high, higher), q);
            }
        }
    }
}
