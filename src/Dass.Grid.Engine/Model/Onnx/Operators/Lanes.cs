using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Dass.Grid.Engine.Model.Onnx.Operators;

/// <summary>
/// A vector width, so that each kernel is written once and compiled for every width. <see cref="Lanes.Dispatch"/> takes the widest one that
/// the processor runs in hardware and that divides the channels, so kernels have no tails.
/// </summary>
internal unsafe interface ILanes<TVector>
    where TVector : struct
{
    static abstract int Width { get; }

    static abstract TVector Load(float* source);

    static abstract void Store(TVector a, float* target);

    static abstract TVector Create(float a);

    static abstract TVector Add(TVector a, TVector b);

    static abstract TVector Subtract(TVector a, TVector b);

    static abstract TVector Multiply(TVector a, TVector b);

    /// <summary>a · b + c with one rounding.</summary>
    static abstract TVector MultiplyAdd(TVector a, TVector b, TVector c);

    /// <summary>a / b to at least 22 bits.</summary>
    static abstract TVector Divide(TVector a, TVector b);

    static abstract TVector Max(TVector a, TVector b);

    static abstract TVector Min(TVector a, TVector b);

    static abstract TVector NegativeAbs(TVector a);

    /// <summary>whenNegative where a &lt; 0, else otherwise.</summary>
    static abstract TVector SelectBySign(TVector a, TVector whenNegative, TVector otherwise);

    /// <summary>a · 2ⁿ, where <paramref name="shifted"/> is n + 1.5 · 2²³: its low mantissa bits are n.</summary>
    static abstract TVector Scale(TVector a, TVector shifted);

    static abstract float Sum(TVector a);

    static abstract float Highest(TVector a);

    static abstract TVector LoadInt32(int* source);

    /// <summary>The low byte of each lane's bits.</summary>
    static abstract void StoreLowBytes(TVector a, byte* target);
}

/// <summary>A computation that is written for any vector width.</summary>
internal interface ILaneKernel
{
    void Invoke<TLanes, TVector>()
        where TLanes : ILanes<TVector>
        where TVector : struct;
}

internal static class Lanes
{
    /// <summary>Set to 512, 256, 128 or 1 (bits; 1 is scalar) to forbid wider vectors.</summary>
    public const string Variable = "DASS_SIMD";

    private static readonly int MaxWidth = Widest();

    /// <param name="kernel">What to run.</param>
    /// <param name="channels">The kernel works on multiples of this many channels.</param>
    public static void Dispatch<TKernel>(TKernel kernel, int channels)
        where TKernel : struct, ILaneKernel
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        if (MaxWidth >= 16 && channels % 16 == 0)
        {
            kernel.Invoke<Lanes512, Vector512<float>>();
        }
        else if (MaxWidth >= 8 && channels % 8 == 0)
        {
            kernel.Invoke<Lanes256, Vector256<float>>();
        }
        else if (MaxWidth >= 4 && channels % 4 == 0)
        {
            kernel.Invoke<Lanes128, Vector128<float>>();
        }
        else
        {
            kernel.Invoke<Lanes1, float>();
        }
    }

    private static int Widest()
    {
        var hardware = Vector512.IsHardwareAccelerated && Avx512F.IsSupported ? 16
            : Vector256.IsHardwareAccelerated && Fma.IsSupported ? 8
            : Vector128.IsHardwareAccelerated ? 4 : 1;
        return int.TryParse(Environment.GetEnvironmentVariable(Variable), out var bits)
            ? Math.Min(hardware, Math.Max(1, bits / 32))
            : hardware;
    }
}
