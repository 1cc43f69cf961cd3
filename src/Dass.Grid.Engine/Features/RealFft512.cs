using System.Numerics;
using System.Runtime.InteropServices;

namespace Dass.Grid.Engine.Features;

/// <summary>
/// Power spectra of several frames of 512 real samples at once, a frame in each lane of a vector: a complex transform of 256 even/odd pairs
/// in four radix-4 Stockham passes, then the split into real bins.
/// </summary>
/// <remarks>
/// In double: in float, rounding from the strongest bins drowns bins 100 dB below them. No fused multiply-adds, and no lane knows of the
/// others: equal to the bit on every machine, for any width of its vectors. An instance owns its scratch: one call at a time.
/// </remarks>
internal sealed unsafe class RealFft512
{
    public const int Size = 512;

    /// <summary>Bins that are computed: 0 to just below half the sample rate.</summary>
    public const int Bins = Size / 2;

    /// <summary>Frames that are computed at once.</summary>
    public static readonly int Lanes = Vector<double>.Count;

    private const int Half = Size / 2;

    private static readonly double[] Cos = Table(Math.Cos);
    private static readonly double[] Sin = Table(Math.Sin);

    // Complex values, real and imaginary part side by side.
    private readonly Vector<double>[] _a = new Vector<double>[2 * Half], _b = new Vector<double>[2 * Half];

    /// <summary>
    /// The samples, [512, <see cref="Lanes"/>] row-major; the caller fills them before each <see cref="Power"/>, which destroys them.
    /// </summary>
    public Span<double> Samples => MemoryMarshal.Cast<Vector<double>, double>(_a.AsSpan());

    /// <summary>Writes |X[k]|² of each lane of <see cref="Samples"/> for k below <see cref="Bins"/>.</summary>
    public void Power(Span<Vector<double>> power)
    {
        fixed (Vector<double>* a = _a, b = _b, to = power[..Bins])
        fixed (double* cos = Cos, sin = Sin)
        {
            // Real samples 2i and 2i + 1 are already complex sample i.
            Pass(a, b, 1, cos, sin);
            Pass(b, a, 4, cos, sin);
            Pass(a, b, 16, cos, sin);
            Pass(b, a, 64, cos, sin);
            Split(a, to, cos, sin);
        }
    }

    // One pass: Half / 4 butterflies over values a quarter apart; results of neighbouring sub-transforms end up side by side.
    private static void Pass(Vector<double>* x, Vector<double>* y, int stride, double* cos, double* sin)
    {
        for (var first = 0; first < Half / 4; first += stride)
        {
            // The twiddle exp(-2πi p / (Half / stride)) with p = first / stride, in a table of 512 steps to the circle.
            double c1 = cos[2 * first], s1 = sin[2 * first], c2 = cos[4 * first], s2 = sin[4 * first], c3 = cos[6 * first],
                s3 = sin[6 * first];
            var from = x + 2 * first;
            var to = y + 8 * first;
            for (var q = 0; q < 2 * stride; q += 2)
            {
                Vector<double>* p0 = from + q, p1 = p0 + Half / 2, p2 = p1 + Half / 2, p3 = p2 + Half / 2;
                Vector<double> sumRe = p0[0] + p2[0], sumIm = p0[1] + p2[1], differenceRe = p0[0] - p2[0], differenceIm = p0[1] - p2[1];
                Vector<double> oddRe = p1[0] + p3[0], oddIm = p1[1] + p3[1];
                Vector<double> turnedRe = p1[1] - p3[1], turnedIm = p3[0] - p1[0]; // turned: times -i
                Vector<double>* q0 = to + q, q1 = q0 + 2 * stride, q2 = q1 + 2 * stride, q3 = q2 + 2 * stride;
                (q0[0], q0[1]) = (sumRe + oddRe, sumIm + oddIm);
                Vector<double> re = differenceRe + turnedRe, im = differenceIm + turnedIm;
                (q1[0], q1[1]) = (re * c1 - im * s1, re * s1 + im * c1);
                (re, im) = (sumRe - oddRe, sumIm - oddIm);
                (q2[0], q2[1]) = (re * c2 - im * s2, re * s2 + im * c2);
                (re, im) = (differenceRe - turnedRe, differenceIm - turnedIm);
                (q3[0], q3[1]) = (re * c3 - im * s3, re * s3 + im * c3);
            }
        }
    }

    // X[k] = E[k] + W^k O[k] and X[Half - k] = conj(E[k] - W^k O[k]), where E and O are the spectra of the even and odd samples.
    private static void Split(Vector<double>* z, Vector<double>* power, double* cos, double* sin)
    {
        power[0] = (z[0] + z[1]) * (z[0] + z[1]);
        for (var k = 1; k <= Half / 2; k++)
        {
            Vector<double>* low = z + 2 * k, high = z + 2 * (Half - k);
            Vector<double> evenRe = 0.5 * (low[0] + high[0]), evenIm = 0.5 * (low[1] - high[1]);
            Vector<double> oddRe = 0.5 * (low[1] + high[1]), oddIm = 0.5 * (high[0] - low[0]);
            Vector<double> re = oddRe * cos[k] - oddIm * sin[k], im = oddRe * sin[k] + oddIm * cos[k];
            power[k] = (evenRe + re) * (evenRe + re) + (evenIm + im) * (evenIm + im);
            power[Half - k] = (evenRe - re) * (evenRe - re) + (evenIm - im) * (evenIm - im);
        }
    }

    private static double[] Table(Func<double, double> function) =>
        [.. Enumerable.Range(0, Size).Select(i => function(-2 * Math.PI * i / Size))];
}
