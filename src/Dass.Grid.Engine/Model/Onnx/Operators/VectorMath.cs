using System.Runtime.CompilerServices;

namespace Dass.Grid.Engine.Model.Onnx.Operators;

/// <summary>Elementary functions for any vector width. Polynomials are minimax fits of this project, in single precision.</summary>
internal static class VectorMath<TLanes, TVector>
    where TLanes : ILanes<TVector>
    where TVector : struct
{
    public const float Log2E = 1.44269504f;
    public const float Ln2 = 0.69314718f;

    private const float RoundingShift = 12582912f; // 1.5 · 2²³: adding it leaves the nearest integer in the low mantissa bits

    /// <summary>2ˣ for |x| ≤ 126 (clamped), relative error ≤ 2e-7.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Exp2(TVector x)
    {
        x = TLanes.Min(TLanes.Max(x, C(-126f)), C(126f));
        return Exp2OfClamped(x);
    }

    /// <summary>2ˣ for x ≤ 0 (clamped at −126), relative error ≤ 2e-7. Exactly 1 at 0: the scan multiplies these over thousands of tokens.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Exp2OfNegative(TVector x) => Exp2OfClamped(TLanes.Max(x, C(-126f)));

    /// <summary>log₂(1 + 2ˣ): softplus in base 2, i.e. softplus(x · ln 2) / ln 2. Absolute error ≤ 2e-7 for x ≤ 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Softplus2(TVector x)
    {
        var t = Exp2OfNegative(TLanes.NegativeAbs(x));
        var p = C(0.00755507965f);
        p = TLanes.MultiplyAdd(p, t, C(-0.042591244f));
        p = TLanes.MultiplyAdd(p, t, C(0.112896629f));
        p = TLanes.MultiplyAdd(p, t, C(-0.197154343f));
        p = TLanes.MultiplyAdd(p, t, C(0.275658667f));
        p = TLanes.MultiplyAdd(p, t, C(-0.35841307f));
        p = TLanes.MultiplyAdd(p, t, C(0.480693579f));
        p = TLanes.MultiplyAdd(p, t, C(-0.721340239f));
        p = TLanes.MultiplyAdd(p, t, C(1.44269502f));
        return TLanes.MultiplyAdd(p, t, TLanes.Max(x, C(0f)));
    }

    /// <summary>x · sigmoid(x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Silu(TVector x) =>
        TLanes.Multiply(x, TLanes.Reciprocal(TLanes.Add(C(1f), Exp2(TLanes.Multiply(x, C(-Log2E))))));

    /// <summary>x · Φ(x) with the error function by Abramowitz and Stegun 7.1.26, |error of erf| ≤ 1.5e-7.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Gelu(TVector x)
    {
        var z = TLanes.Multiply(TLanes.NegativeAbs(x), C(-0.70710678f)); // |x| / √2
        var t = TLanes.Reciprocal(TLanes.MultiplyAdd(z, C(0.3275911f), C(1f)));
        var p = C(1.061405429f);
        p = TLanes.MultiplyAdd(p, t, C(-1.453152027f));
        p = TLanes.MultiplyAdd(p, t, C(1.421413741f));
        p = TLanes.MultiplyAdd(p, t, C(-0.284496736f));
        p = TLanes.MultiplyAdd(p, t, C(0.254829592f));
        p = TLanes.Multiply(p, t);
        var square = TLanes.Multiply(z, z);
        var tail = TLanes.Multiply(TLanes.Multiply(p, C(0.5f)), Exp2OfNegative(TLanes.Multiply(square, C(-Log2E)))); // Φ(−|x|)
        return TLanes.Multiply(x, TLanes.SelectBySign(x, tail, TLanes.Subtract(C(1f), tail)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Exp2OfClamped(TVector x)
    {
        var shifted = TLanes.Add(x, C(RoundingShift));
        var fraction = TLanes.Subtract(x, TLanes.Subtract(shifted, C(RoundingShift)));
        var p = C(0.00132647203f);
        p = TLanes.MultiplyAdd(p, fraction, C(0.00967151299f));
        p = TLanes.MultiplyAdd(p, fraction, C(0.0555073395f));
        p = TLanes.MultiplyAdd(p, fraction, C(0.240222424f));
        p = TLanes.MultiplyAdd(p, fraction, C(0.693147004f));
        p = TLanes.MultiplyAdd(p, fraction, C(1f));
        return TLanes.Scale(p, shifted);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector C(float value) => TLanes.Create(value);
}
