using System.Runtime.CompilerServices;
using Dass.Grid.Engine.Model.Onnx.Native;

namespace Dass.Grid.Engine.Model.Onnx.Operators;

/// <summary>y = GELU(x [..,D] + bias [D]), with the error function.</summary>
internal sealed class BiasGelu() : CustomOperator(nameof(BiasGelu), 1, Floats(2))
{
    public override Kernel Create(KernelInfo info) => new Node();

    private sealed unsafe class Node : Kernel
    {
        public override void Compute(KernelContext context)
        {
            var tokens = Tokens.From(context, stackalloc long[Tokens.MaxRank], out var x);
            var kernel = new GeluKernel
            {
                Count = tokens.Count, Channels = tokens.Channels, X = x, Bias = context.Input(1), Y = context.Output(0, tokens.Shape),
            };
            Lanes.Dispatch(kernel, kernel.Multiple);
        }
    }

    internal unsafe struct GeluKernel : ILaneKernel
    {
        public long Count;
        public int Channels;
        public float* X, Bias, Y;

        /// <summary>Two vectors at a time; of an odd number of channels the last alone.</summary>
        public readonly int Multiple => Channels % 2 == 0 ? Channels / 2 : 1;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Invoke<TLanes, TVector>()
            where TLanes : ILanes<TVector>
            where TVector : struct
        {
            nint channels = Channels, width = TLanes.Width, paired = channels / (2 * width) * (2 * width);
            float* x = X, y = Y, bias = Bias;
            for (long token = 0; token < Count; token++, x += channels, y += channels)
            {
                for (nint d = 0; d < paired; d += 2 * width)
                {
                    TVector a = TLanes.Add(TLanes.Load(x + d), TLanes.Load(bias + d));
                    TVector b = TLanes.Add(TLanes.Load(x + d + width), TLanes.Load(bias + d + width));
                    VectorMath<TLanes, TVector>.Gelu(ref a, ref b);
                    TLanes.Store(a, y + d);
                    TLanes.Store(b, y + d + width);
                }
                if (paired < channels)
                {
                    TVector last = TLanes.Add(TLanes.Load(x + paired), TLanes.Load(bias + paired)), same = last;
                    VectorMath<TLanes, TVector>.Gelu(ref last, ref same);
                    TLanes.Store(last, y + paired);
                }
            }
        }
    }
}

/// <summary>y = x [..,D] + branch [..,D] + bias [D].</summary>
internal sealed class Residual() : CustomOperator(nameof(Residual), 1, Floats(3))
{
    public override Kernel Create(KernelInfo info) => new Node();

    private sealed unsafe class Node : Kernel
    {
        public override void Compute(KernelContext context)
        {
            var tokens = Tokens.From(context, stackalloc long[Tokens.MaxRank], out var x);
            Lanes.Dispatch(
                new SumKernel
                {
                    Count = tokens.Count,
                    Channels = tokens.Channels,
                    X = x,
                    Branch = context.Input(1),
                    Bias = context.Input(2),
                    Y = context.Output(0, tokens.Shape),
                },
                tokens.Channels);
        }
    }

    internal unsafe struct SumKernel : ILaneKernel
    {
        public long Count;
        public int Channels;
        public float* X, Branch, Bias, Y;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Invoke<TLanes, TVector>()
            where TLanes : ILanes<TVector>
            where TVector : struct
        {
            nint channels = Channels;
            float* x = X, branch = Branch, y = Y, bias = Bias;
            for (long token = 0; token < Count; token++, x += channels, branch += channels, y += channels)
            {
                for (nint d = 0; d < channels; d += TLanes.Width)
                {
                    TLanes.Store(TLanes.Add(TLanes.Add(TLanes.Load(x + d), TLanes.Load(branch + d)), TLanes.Load(bias + d)), y + d);
                }
            }
        }
    }
}

/// <summary>An activation tensor seen as rows of channels.</summary>
internal readonly ref struct Tokens
{
    public const int MaxRank = 4;

    public long Count { get; private init; }

    public int Channels { get; private init; }

    public ReadOnlySpan<long> Shape { get; private init; }

    /// <param name="context">Its first input is the tensor.</param>
    /// <param name="dimensions">Room for <see cref="MaxRank"/> dimensions.</param>
    /// <param name="x">The tensor's values.</param>
    public static unsafe Tokens From(KernelContext context, Span<long> dimensions, out float* x)
    {
        x = context.Input(0, dimensions, out var rank);
        long count = 1;
        foreach (var dimension in dimensions[..(rank - 1)])
        {
            count *= dimension;
        }
        return new Tokens { Shape = dimensions[..rank], Channels = (int)dimensions[rank - 1], Count = count };
    }
}
