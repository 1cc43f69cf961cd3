using System.Runtime.Intrinsics;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Features;

/// <summary>Kaldi's triangular mel filters, 20 Hz to 8 kHz at 16 kHz: the bins that each filter weighs, back to back. Immutable.</summary>
internal sealed class MelFilters
{
    private const double LowHz = 20;
    private const double BinHz = (double)FrameRate.SampleRateHz / RealFft512.Size;

    private readonly (int FirstBin, int Length)[] _filters;
    private readonly double[] _weights;

    /// <param name="count">Filters, evenly spaced on the mel scale.</param>
    public MelFilters(int count)
    {
        var low = Mel(LowHz);
        var width = (Mel(FrameRate.SampleRateHz / 2.0) - low) / (count + 1);
        _filters = new (int, int)[count];
        var weights = new List<double>();
        for (var filter = 0; filter < count; filter++)
        {
            double Weight(int bin) => 1 - Math.Abs(Mel(bin * BinHz) - (low + (filter + 1) * width)) / width;
            var bins = Enumerable.Range(0, RealFft512.Bins).Where(bin => Weight(bin) > 0).ToArray();
            _filters[filter] = (bins.FirstOrDefault(), bins.Length); // a narrow low filter can fall between two bins
            weights.AddRange(bins.Select(Weight));
        }
        _weights = [.. weights];
    }

    public int Count => _filters.Length;

    /// <summary>Writes each filter's energy in each frame: the weighted sum over its bins of <paramref name="power"/>.</summary>
    /// <param name="power">A frame in each lane, [bins].</param>
    /// <param name="energies">[<see cref="Count"/>, <see cref="RealFft512.Lanes"/>] row-major.</param>
    public void Apply(ReadOnlySpan<Vector256<double>> power, Span<float> energies)
    {
        var next = 0;
        for (var filter = 0; filter < _filters.Length; filter++)
        {
            var (first, length) = _filters[filter];
            var bins = power.Slice(first, length);
            var weights = _weights.AsSpan(next, bins.Length);
            var sum = Vector256<double>.Zero;
            for (var i = 0; i < bins.Length; i++)
            {
                sum += bins[i] * weights[i];
            }
            Vector128.Narrow(sum.GetLower(), sum.GetUpper()).CopyTo(energies[(filter * RealFft512.Lanes)..]);
            next += length;
        }
    }

    private static double Mel(double hertz) => 1127 * Math.Log(1 + hertz / 700);
}
