using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Dass.Grid.Benchmarks;

/// <summary>
/// What this core can do at the most: independent fused multiply-adds on registers. Measured beside each figure, because clocks and
/// neighbours change.
/// </summary>
internal static class FmaPeak
{
    private const int Chains = 10; // covers a latency of 5 cycles at two per cycle
    private const int Iterations = 200_000;

    /// <summary>10⁹ floating-point operations per second (a multiply-add is two) over about a millisecond.</summary>
    public static double Measure()
    {
        var start = Stopwatch.GetTimestamp();
        var lanes = Vector512.IsHardwareAccelerated ? Run512() : Run256();
        return 2.0 * lanes * Chains * Iterations / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static int Run256()
    {
        var (m, c) = (Vector256.Create(0.999f), Vector256.Create(1e-3f));
        var (a0, a1, a2, a3, a4, a5, a6, a7, a8, a9) = (c, c, c, c, c, c, c, c, c, c);
        for (var i = 0; i < Iterations; i++)
        {
            a0 = Vector256.FusedMultiplyAdd(a0, m, c);
            a1 = Vector256.FusedMultiplyAdd(a1, m, c);
            a2 = Vector256.FusedMultiplyAdd(a2, m, c);
            a3 = Vector256.FusedMultiplyAdd(a3, m, c);
            a4 = Vector256.FusedMultiplyAdd(a4, m, c);
            a5 = Vector256.FusedMultiplyAdd(a5, m, c);
            a6 = Vector256.FusedMultiplyAdd(a6, m, c);
            a7 = Vector256.FusedMultiplyAdd(a7, m, c);
            a8 = Vector256.FusedMultiplyAdd(a8, m, c);
            a9 = Vector256.FusedMultiplyAdd(a9, m, c);
        }
        Consume(a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8 + a9);
        return Vector256<float>.Count;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static int Run512()
    {
        var (m, c) = (Vector512.Create(0.999f), Vector512.Create(1e-3f));
        var (a0, a1, a2, a3, a4, a5, a6, a7, a8, a9) = (c, c, c, c, c, c, c, c, c, c);
        for (var i = 0; i < Iterations; i++)
        {
            a0 = Vector512.FusedMultiplyAdd(a0, m, c);
            a1 = Vector512.FusedMultiplyAdd(a1, m, c);
            a2 = Vector512.FusedMultiplyAdd(a2, m, c);
            a3 = Vector512.FusedMultiplyAdd(a3, m, c);
            a4 = Vector512.FusedMultiplyAdd(a4, m, c);
            a5 = Vector512.FusedMultiplyAdd(a5, m, c);
            a6 = Vector512.FusedMultiplyAdd(a6, m, c);
            a7 = Vector512.FusedMultiplyAdd(a7, m, c);
            a8 = Vector512.FusedMultiplyAdd(a8, m, c);
            a9 = Vector512.FusedMultiplyAdd(a9, m, c);
        }
        Consume(a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8 + a9);
        return Vector512<float>.Count;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Consume<T>(T value)
    {
        _ = value;
    }
}
