namespace Dass.Grid.Engine.Model;

/// <summary>Elementary functions of the reference implementation, computed in double.</summary>
internal static class ReferenceMath
{
    private const double NormEpsilon = 1e-5;

    public static float Sigmoid(float x) => (float)(1 / (1 + Math.Exp(-x)));

    /// <summary>ln(1 + eˣ) without overflow.</summary>
    public static double Softplus(double x) => Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x)));

    /// <summary>x · Φ(x), the form with the error function.</summary>
    public static float Gelu(float x) => (float)(x * 0.5 * Erfc(-x / Math.Sqrt(2)));

    public static void LayerNorm(ReadOnlySpan<float> x, ReadOnlySpan<float> gain, ReadOnlySpan<float> shift, Span<float> y)
    {
        double mean = 0, variance = 0;
        foreach (var value in x)
        {
            mean += value;
        }
        mean /= x.Length;
        foreach (var value in x)
        {
            variance += (value - mean) * (value - mean);
        }
        var scale = 1 / Math.Sqrt(variance / x.Length + NormEpsilon);
        for (var i = 0; i < x.Length; i++)
        {
            y[i] = (float)((x[i] - mean) * scale * gain[i] + shift[i]);
        }
    }

    /// <summary>
    /// Complementary error function: Taylor series of erf near 0, continued fraction (Abramowitz and Stegun 7.1.14) beyond. Absolute error
    /// below 1e-12.
    /// </summary>
    private static double Erfc(double x)
    {
        var z = Math.Abs(x);
        double tail;
        if (z < 2.5)
        {
            double term = z, sum = z;
            for (var n = 1; Math.Abs(term) > 1e-17 * sum; n++)
            {
                term *= -z * z / n;
                sum += term / (2 * n + 1);
            }
            tail = 1 - 2 / Math.Sqrt(Math.PI) * sum;
        }
        else
        {
            var fraction = z;
            for (var n = 60; n >= 1; n--)
            {
                fraction = z + n / 2.0 / fraction;
            }
            tail = Math.Exp(-z * z) / (Math.Sqrt(Math.PI) * fraction);
        }
        return x < 0 ? 2 - tail : tail;
    }
}
