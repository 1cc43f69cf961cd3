using System.Runtime.CompilerServices;

namespace Dass.Grid.Engine.Model.Onnx.Operators;

/// <summary>
/// Elementary functions for any vector width, in place on two vectors at a time: their chains of dependent operations overlap, and each
/// coefficient is loaded once for both. Polynomials are minimax fits of this project, in single precision.
/// </summary>
internal static class VectorMath<TLanes, TVector>
    where TLanes : ILanes<TVector>
    where TVector : struct
{
    public const float Log2E = 1.44269504f;

    private const float RoundingShift = 12582912f; // 1.5 · 2²³: adding it leaves the nearest integer in the low mantissa bits

    /// <summary>2ˣ for −126 ≤ x ≤ 126, relative error ≤ 2e-7. Exactly 1 at 0: the scan multiplies these over thousands of tokens.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Exp2(ref TVector x, ref TVector y)
    {
        var shift = TLanes.Create(RoundingShift);
        TVector sx = TLanes.Add(x, shift), sy = TLanes.Add(y, shift);
        x = TLanes.Subtract(x, TLanes.Subtract(sx, shift));
        y = TLanes.Subtract(y, TLanes.Subtract(sy, shift));
        TVector p = TLanes.Create(0.00132647203f), q = p;
        Horner(ref p, x, ref q, y, 0.00967151299f);
        Horner(ref p, x, ref q, y, 0.0555073395f);
        Horner(ref p, x, ref q, y, 0.240222424f);
        Horner(ref p, x, ref q, y, 0.693147004f);
        Horner(ref p, x, ref q, y, 1f);
        x = TLanes.Scale(p, sx);
        y = TLanes.Scale(q, sy);
    }

    /// <summary>2ˣ for x ≤ 0; below −126 it is 2⁻¹²⁶.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Exp2OfNegative(ref TVector x, ref TVector y)
    {
        var least = TLanes.Create(-126f);
        x = TLanes.Max(x, least);
        y = TLanes.Max(y, least);
        Exp2(ref x, ref y);
    }

    /// <summary>log₂(1 + 2ˣ): softplus in base 2, i.e. softplus(x · ln 2) / ln 2. Absolute error ≤ 2e-7 for x ≤ 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Softplus2(ref TVector x, ref TVector y)
    {
        TVector s = TLanes.NegativeAbs(x), t = TLanes.NegativeAbs(y);
        Exp2OfNegative(ref s, ref t);
        TVector p = TLanes.Create(0.00755507965f), q = p;
        Horner(ref p, s, ref q, t, -0.042591244f);
        Horner(ref p, s, ref q, t, 0.112896629f);
        Horner(ref p, s, ref q, t, -0.197154343f);
        Horner(ref p, s, ref q, t, 0.275658667f);
        Horner(ref p, s, ref q, t, -0.35841307f);
        Horner(ref p, s, ref q, t, 0.480693579f);
        Horner(ref p, s, ref q, t, -0.721340239f);
        Horner(ref p, s, ref q, t, 1.44269502f);
        var zero = TLanes.Create(0f);
        x = TLanes.MultiplyAdd(p, s, TLanes.Max(x, zero));
        y = TLanes.MultiplyAdd(q, t, TLanes.Max(y, zero));
    }

    /// <summary>x · sigmoid(x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Silu(ref TVector x, ref TVector y)
    {
        TVector s = TLanes.Multiply(x, TLanes.Create(-Log2E)), t = TLanes.Multiply(y, TLanes.Create(-Log2E));
        var most = TLanes.Create(126f);
        s = TLanes.Min(s, most);
        t = TLanes.Min(t, most);
        Exp2OfNegative(ref s, ref t); // the lower clamp; the upper one is above
        x = TLanes.Divide(x, TLanes.Add(TLanes.Create(1f), s));
        y = TLanes.Divide(y, TLanes.Add(TLanes.Create(1f), t));
    }

    /// <summary>x · Φ(x) with the error function by Abramowitz and Stegun 7.1.26, |error of erf| ≤ 1.5e-7.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Gelu(ref TVector x, ref TVector y)
    {
        TVector u = TLanes.Multiply(TLanes.NegativeAbs(x), TLanes.Create(-0.70710678f)); // |x| / √2
        TVector v = TLanes.Multiply(TLanes.NegativeAbs(y), TLanes.Create(-0.70710678f));
        TVector one = TLanes.Create(1f), width = TLanes.Create(0.3275911f);
        TVector s = TLanes.Divide(one, TLanes.MultiplyAdd(u, width, one)), t = TLanes.Divide(one, TLanes.MultiplyAdd(v, width, one));
        TVector p = TLanes.Create(0.5f * 1.061405429f), q = p;
        Horner(ref p, s, ref q, t, 0.5f * -1.453152027f);
        Horner(ref p, s, ref q, t, 0.5f * 1.421413741f);
        Horner(ref p, s, ref q, t, 0.5f * -0.284496736f);
        Horner(ref p, s, ref q, t, 0.5f * 0.254829592f);
        u = TLanes.Multiply(TLanes.Multiply(u, u), TLanes.Create(-Log2E));
        v = TLanes.Multiply(TLanes.Multiply(v, v), TLanes.Create(-Log2E));
        Exp2OfNegative(ref u, ref v);
        p = TLanes.Multiply(TLanes.Multiply(p, s), u); // Φ(−|x|)
        q = TLanes.Multiply(TLanes.Multiply(q, t), v);
        x = TLanes.Multiply(x, TLanes.SelectBySign(x, p, TLanes.Subtract(one, p)));
        y = TLanes.Multiply(y, TLanes.SelectBySign(y, q, TLanes.Subtract(one, q)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Horner(ref TVector p, TVector x, ref TVector q, TVector y, float coefficient)
    {
        var c = TLanes.Create(coefficient);
        p = TLanes.MultiplyAdd(p, x, c);
        q = TLanes.MultiplyAdd(q, y, c);
    }
}
