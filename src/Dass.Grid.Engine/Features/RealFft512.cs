using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Dass.Grid.Engine.Features;

/// <summary>
/// Power spectra of four frames of 512 real samples at once, a frame in each lane of a vector: a complex transform of 256 even/odd pairs
/// in place, as sixteen transforms of sixteen and sixteen again (each four by four), then the split into real bins.
/// </summary>
/// <remarks>
/// In double: in float, rounding from the strongest bins drowns bins 100 dB below them. No fused multiply-adds, and no lane knows of the
/// others: equal to the bit on every machine. An instance owns its scratch: one call at a time.
/// </remarks>
internal sealed unsafe class RealFft512
{
    public const int Size = 512;

    /// <summary>Bins that are computed: 0 to just below half the sample rate.</summary>
    public const int Bins = Size / 2;

    /// <summary>Frames that are computed at once.</summary>
    public const int Lanes = 4;

    /// <summary>Samples of a frame that may differ from 0.</summary>
    public const int Samples = 416;

    private const int Half = Size / 2;
    private const int Side = 16; // sixteen sixteens are Half
    private const int Quarter = 4;

    private static readonly double[] Cos = Table(Math.Cos);
    private static readonly double[] Sin = Table(Math.Sin);

    // Complex values, real and imaginary part side by side.
    private readonly Vector256<double>[] _values = new Vector256<double>[2 * Half];

    /// <summary>
    /// The frames' samples, [<see cref="Samples"/>, <see cref="Lanes"/>] row-major; the caller fills all of them before each
    /// <see cref="Power"/>, which destroys them. What would follow is silence.
    /// </summary>
    public Span<double> Input => MemoryMarshal.Cast<Vector256<double>, double>(_values.AsSpan(0, Samples));

    /// <summary>Writes |X[k]|² of each lane of <see cref="Input"/> for k below <see cref="Bins"/>.</summary>
    public void Power(Span<Vector256<double>> power)
    {
        fixed (Vector256<double>* values = _values, to = power[..Bins])
        fixed (double* cos = Cos, sin = Sin)
        {
            // Real samples 2i and 2i + 1 are already complex sample i. With i = 16 a + b and k = c + 16 d, first over a for each b, …
            for (var b = 0; b < Side; b++)
            {
                Transform(values + 2 * b, Side, b, isPadded: true, cos, sin);
            }
            // … then over b for each c: bin k ends at 16 c + d.
            for (var c = 0; c < Side; c++)
            {
                Transform(values + 2 * Side * c, 1, 0, isPadded: false, cos, sin);
            }
            Split(values, to, cos, sin);
        }
    }

    /// <summary>
    /// Sixteen values in place, X[r + 4 s] = Σ_q W16^(q r) W4^(q s) Σ_p x[4 p + q] W4^(p r), times W256^(turn (r + 4 s)).
    /// </summary>
    /// <param name="x">The first value.</param>
    /// <param name="stride">From one value to the next.</param>
    /// <param name="turn">0: none.</param>
    /// <param name="isPadded">The last three values are not read, and count as 0.</param>
    /// <param name="cos">The circle in <see cref="Size"/> steps.</param>
    /// <param name="sin">Likewise.</param>
    private static void Transform(Vector256<double>* x, int stride, int turn, bool isPadded, double* cos, double* sin)
    {
        var inner = stackalloc Vector256<double>[2 * Side];
        var quarter = 2 * Quarter * stride;
        for (var q = 0; q < Quarter; q++)
        {
            Vector256<double>* p0 = x + 2 * q * stride, p1 = p0 + quarter, p2 = p1 + quarter, p3 = p2 + quarter;
            var (lastRe, lastIm) = isPadded && q > 0 ? (Vector256<double>.Zero, Vector256<double>.Zero) : (p3[0], p3[1]);
            Vector256<double> sumRe = p0[0] + p2[0], sumIm = p0[1] + p2[1], differenceRe = p0[0] - p2[0], differenceIm = p0[1] - p2[1];
            Vector256<double> oddRe = p1[0] + lastRe, oddIm = p1[1] + lastIm;
            Vector256<double> turnedRe = p1[1] - lastIm, turnedIm = lastRe - p1[0]; // turned: times -i
            var to = inner + 2 * q;
            var step = q * Size / Side;
            Turn(to, sumRe + oddRe, sumIm + oddIm, 0, cos, sin);
            Turn(to + 2 * Quarter, differenceRe + turnedRe, differenceIm + turnedIm, step, cos, sin);
            Turn(to + 4 * Quarter, sumRe - oddRe, sumIm - oddIm, 2 * step, cos, sin);
            Turn(to + 6 * Quarter, differenceRe - turnedRe, differenceIm - turnedIm, 3 * step, cos, sin);
        }
        for (var r = 0; r < Quarter; r++)
        {
            var from = inner + 2 * Quarter * r;
            Vector256<double> sumRe = from[0] + from[4], sumIm = from[1] + from[5], differenceRe = from[0] - from[4];
            Vector256<double> differenceIm = from[1] - from[5], oddRe = from[2] + from[6], oddIm = from[3] + from[7];
            Vector256<double> turnedRe = from[3] - from[7], turnedIm = from[6] - from[2];
            var to = x + 2 * r * stride;
            var step = turn * Size / Half;
            Turn(to, sumRe + oddRe, sumIm + oddIm, r * step, cos, sin);
            Turn(to + quarter, differenceRe + turnedRe, differenceIm + turnedIm, (r + 4) * step, cos, sin);
            Turn(to + 2 * quarter, sumRe - oddRe, sumIm - oddIm, (r + 8) * step, cos, sin);
            Turn(to + 3 * quarter, differenceRe - turnedRe, differenceIm - turnedIm, (r + 12) * step, cos, sin);
        }
    }

    /// <summary>Writes a complex value times exp(-2πi step / <see cref="Size"/>).</summary>
    private static void Turn(Vector256<double>* to, Vector256<double> re, Vector256<double> im, int step, double* cos, double* sin)
    {
        if (step == 0)
        {
            to[0] = re;
            to[1] = im;
            return;
        }
        Vector256<double> c = Vector256.Create(cos[step]), s = Vector256.Create(sin[step]);
        to[0] = re * c - im * s;
        to[1] = re * s + im * c;
    }

    // X[k] = E[k] + W^k O[k] and X[Half - k] = conj(E[k] - W^k O[k]), where E and O are the spectra of the even and odd samples.
    private static void Split(Vector256<double>* z, Vector256<double>* power, double* cos, double* sin)
    {
        power[0] = (z[0] + z[1]) * (z[0] + z[1]);
        for (var k = 1; k <= Half / 2; k++)
        {
            Vector256<double>* low = z + 2 * Place(k), high = z + 2 * Place(Half - k);
            Vector256<double> evenRe = 0.5 * (low[0] + high[0]), evenIm = 0.5 * (low[1] - high[1]);
            Vector256<double> oddRe = 0.5 * (low[1] + high[1]), oddIm = 0.5 * (high[0] - low[0]);
            Vector256<double> re = oddRe * cos[k] - oddIm * sin[k], im = oddRe * sin[k] + oddIm * cos[k];
            power[k] = (evenRe + re) * (evenRe + re) + (evenIm + im) * (evenIm + im);
            power[Half - k] = (evenRe - re) * (evenRe - re) + (evenIm - im) * (evenIm - im);
        }
    }

    private static int Place(int bin) => Side * (bin % Side) + bin / Side;

    private static double[] Table(Func<double, double> function) =>
        [.. Enumerable.Range(0, Size).Select(i => function(-2 * Math.PI * i / Size))];
}
