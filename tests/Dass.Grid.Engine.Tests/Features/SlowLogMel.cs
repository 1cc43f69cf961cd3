namespace Dass.Grid.Engine.Tests.Features;

/// <summary>The filter bank as its definition reads, in double, with a direct Fourier sum: the specification of the fast one.</summary>
internal static class SlowLogMel
{
    public static double[] Frame(ReadOnlySpan<float> samples, int bins = 128)
    {
        var mean = 0.0;
        foreach (var sample in samples)
        {
            mean += sample / 400.0;
        }
        var windowed = new double[400];
        for (var i = 0; i < 400; i++)
        {
            var previous = samples[Math.Max(i - 1, 0)] - mean;
            windowed[i] = (samples[i] - mean - 0.97 * previous) * (0.5 - 0.5 * Math.Cos(2 * Math.PI * i / 399));
        }

        var low = Mel(20);
        var width = (Mel(8000) - low) / (bins + 1);
        var energies = new double[bins];
        for (var k = 0; k <= 256; k++)
        {
            var power = Power(windowed, k);
            for (var b = 0; b < bins; b++)
            {
                var (left, centre, right) = (low + b * width, low + (b + 1) * width, low + (b + 2) * width);
                var mel = Mel(k * 31.25);
                energies[b] += power * Math.Max(0, Math.Min((mel - left) / (centre - left), (right - mel) / (right - centre)));
            }
        }
        return [.. energies.Select(energy => (Math.Log(Math.Max(energy, 1.1920929e-7)) + 4.2677393) / (2 * 4.5689974))];
    }

    private static double Power(double[] samples, int k)
    {
        double re = 0, im = 0;
        for (var i = 0; i < samples.Length; i++)
        {
            re += samples[i] * Math.Cos(2 * Math.PI * k * i / 512);
            im += samples[i] * Math.Sin(2 * Math.PI * k * i / 512);
        }
        return re * re + im * im;
    }

    private static double Mel(double hertz) => 1127 * Math.Log(1 + hertz / 700);
}
