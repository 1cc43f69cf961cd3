using System.Collections.Concurrent;

namespace Dass.Grid.Engine.Audio;

/// <summary>
/// The coefficients of a windowed-sinc low-pass for one input rate, one row per phase. Pass band to 0.875 of the lower of both Nyquist
/// frequencies (7 kHz from 16 kHz up), stop band from that Nyquist frequency on. Kaiser window: Oppenheim and Schafer, Discrete-Time Signal
/// Processing, section 7.5.
/// </summary>
internal sealed class ResamplerTable
{
    public const int OutputRateHz = 16_000;

    private const double StopBandDb = 92;
    private const double PassShare = 0.875;

    /// <summary>
    /// Rows at the most. Rates that need more phases interpolate between rows, with an error of (π / rows)² / 8, −107 dB. Bounds a table to
    /// 2.4 MB.
    /// </summary>
    private const int MaxRows = 512;

    // Streams of one rate share their table while any of them lives. There are at most as many entries as valid rates.
    private static readonly ConcurrentDictionary<int, WeakReference<ResamplerTable>> Shared = new();

    private readonly float[] _coefficients; // [rows + 1, Taps]

    private ResamplerTable(int inputRateHz)
    {
        var divisor = Gcd(inputRateHz, OutputRateHz);
        Phases = OutputRateHz / divisor;
        Advance = inputRateHz / divisor;
        Rows = Math.Min(Phases, MaxRows);

        var nyquist = Math.Min(inputRateHz, OutputRateHz) / 2.0;
        var transition = (1 - PassShare) * nyquist / inputRateHz;
        // A multiple of 16 taps lets the dot product run without a tail.
        Half = ((int)Math.Ceiling((StopBandDb - 7.95) / (14.36 * transition) / 2) + 7) / 8 * 8;
        _coefficients = new float[(Rows + 1) * Taps];
        var cutoff = (1 + PassShare) / 2 * nyquist / inputRateHz; // cycles per input sample
        for (var row = 0; row <= Rows; row++)
        {
            Fill(_coefficients.AsSpan(row * Taps, Taps), (double)row / Rows, cutoff);
        }
    }

    /// <summary>Output positions between two input samples: output n lies at input position n · Advance / Phases.</summary>
    public int Phases { get; }

    public int Advance { get; }

    /// <summary>Input samples on either side of an output sample that it depends on.</summary>
    public int Half { get; }

    public int Taps => 2 * Half;

    /// <summary>Rows of coefficients per input sample. Equal to <see cref="Phases"/>, or fewer with interpolation.</summary>
    public int Rows { get; }

    public ReadOnlySpan<float> Row(int row) => _coefficients.AsSpan(row * Taps, Taps);

    public static ResamplerTable For(int inputRateHz)
    {
        if (Shared.TryGetValue(inputRateHz, out var reference) && reference.TryGetTarget(out var table))
        {
            return table;
        }
        table = new ResamplerTable(inputRateHz);
        Shared[inputRateHz] = new WeakReference<ResamplerTable>(table);
        return table;
    }

    /// <param name="row">Receives the weights of the input samples at −Half + 1 … Half around the output.</param>
    /// <param name="phase">Where the output lies after input sample 0, 0 to 1.</param>
    /// <param name="cutoff">Cycles per input sample.</param>
    private void Fill(Span<float> row, double phase, double cutoff)
    {
        const double Beta = 0.1102 * (StopBandDb - 8.7);
        var weights = new double[row.Length];
        for (var i = 0; i < row.Length; i++)
        {
            var distance = i - Half + 1 - phase;
            var x = 2 * cutoff * distance;
            var sinc = Math.Abs(x) < 1e-12 ? 1 : Math.Sin(Math.PI * x) / (Math.PI * x);
            var edge = distance / Half;
            weights[i] = Math.Abs(edge) > 1 ? 0 : sinc * BesselI0(Beta * Math.Sqrt(1 - edge * edge));
        }
        var sum = weights.Sum(); // a gain of exactly 1 at 0 Hz in every phase
        for (var i = 0; i < row.Length; i++)
        {
            row[i] = (float)(weights[i] / sum);
        }
    }

    /// <summary>Modified Bessel function of the first kind, order 0, by its power series.</summary>
    private static double BesselI0(double x)
    {
        double sum = 1, term = 1;
        for (var k = 1; term > sum * 1e-17; k++)
        {
            term *= x * x / (4.0 * k * k);
            sum += term;
        }
        return sum;
    }

    private static int Gcd(int a, int b) => b == 0 ? a : Gcd(b, a % b);
}
