using System.Buffers;
using CsCheck;
using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Engine.Tests.Audio;

public class ResamplerTests
{
    /// <summary>Common rates, and two that need interpolated phases.</summary>
    public static TheoryData<int> Rates =>
        [8000, 11025, 12000, 22050, 24000, 32000, 44056, 44100, 48000, 88200, 96000, 100003, 176400, 192000];

    [Theory]
    [MemberData(nameof(Rates))]
    public void The_pass_band_is_flat_within_a_tenth_of_a_decibel(int rate)
    {
        var edge = Math.Min(7000, 0.875 * rate / 2);
        for (var i = 1; i <= 12; i++)
        {
            var frequency = edge * i / 12;
            var output = Middle(Resample(Sine(frequency, rate), rate));
            Assert.Equal(0, Db(Amplitude(output, frequency)), 0.1);
        }
    }

    [Theory]
    [MemberData(nameof(Rates))]
    public void Images_and_aliases_stay_80_decibels_down(int rate)
    {
        // Above 16 kHz input everything from 8 kHz up must vanish; below, nothing may appear beside the tone itself.
        for (var i = 1; i <= 12; i++)
        {
            var frequency = rate > 16_000 ? 8000 + (rate / 2.0 - 8000) * i / 13 : 0.875 * rate / 2 * i / 12;
            var output = Middle(Resample(Sine(frequency, rate), rate));
            var rest = rate > 16_000 ? output : WithoutTone(output, frequency);
            Assert.True(
                Db(rest.Max(Math.Abs)) < -80, $"{rate} Hz input, tone at {frequency:0} Hz: the rest is at {Db(rest.Max(Math.Abs)):0.0} dB");
        }
    }

    [Theory]
    [MemberData(nameof(Rates))]
    public void The_output_has_zero_phase_and_ends_with_the_input(int rate)
    {
        var input = Sine(440, rate)[..(rate / 3)];
        var output = Resample(input, rate);
        Assert.Equal(((long)input.Length * 16_000 + rate - 1) / rate, output.Length);
        for (var n = 1000; n < output.Length - 1000; n++)
        {
            Assert.Equal(Math.Sin(2 * Math.PI * 440 * n / 16_000), output[n], 2e-3);
        }
    }

    [Fact]
    public void The_output_does_not_depend_on_how_the_input_is_cut()
    {
        Gen.Select(Gen.Int[8000, 192_000].Where(rate => rate != 16_000), Gen.Int[0, 30_000].Array[1, 6], Gen.Int[0, 1000]).Sample(
            (rate, cuts, seed) =>
            {
                var random = new Random(seed);
                var input = new float[cuts.Sum()];
                foreach (ref var sample in input.AsSpan())
                {
                    sample = random.NextSingle() * 2 - 1;
                }
                var output = new ArrayBufferWriter<float>();
                var resampler = new Resampler(rate);
                var start = 0;
                foreach (var cut in cuts)
                {
                    resampler.Push(input.AsSpan(start, cut), output);
                    start += cut;
                }
                resampler.Flush(output);
                Assert.Equal(Resample(input, rate), output.WrittenSpan.ToArray());
            },
            iter: 40);
    }

    [Fact]
    public void A_saved_and_restored_resampler_goes_on_to_the_bit()
    {
        var input = Sine(1000, 44_100);
        var expected = Resample(input, 44_100);
        var output = new ArrayBufferWriter<float>();
        var before = new Resampler(44_100);
        before.Push(input.AsSpan(0, 12_345), output);
        var (window, next, phase) = before.Save();
        var after = new Resampler(44_100);
        Assert.True(after.TryRestore(window, next, phase));
        after.Push(input.AsSpan(12_345), output);
        after.Flush(output);
        Assert.Equal(expected, output.WrittenSpan.ToArray());
        Assert.False(new Resampler(44_100).TryRestore(window, -1, phase));
        Assert.False(new Resampler(44_100).TryRestore(window, next, 160));
    }

    private static float[] Sine(double frequency, int rate) =>
        [.. Enumerable.Range(0, rate / 2).Select(i => (float)Math.Sin(2 * Math.PI * frequency * i / rate))];

    private static float[] Resample(float[] input, int rate)
    {
        var output = new ArrayBufferWriter<float>();
        var resampler = new Resampler(rate);
        resampler.Push(input, output);
        resampler.Flush(output);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Without the edges, where the tone begins and ends abruptly.</summary>
    private static float[] Middle(float[] output) => output[1000..^1000];

    private static double Db(double amplitude) => 20 * Math.Log10(Math.Max(amplitude, 1e-12));

    private static double Amplitude(float[] x, double frequency)
    {
        var (a, b) = Fit(x, frequency);
        return Math.Sqrt(a * a + b * b);
    }

    private static float[] WithoutTone(float[] x, double frequency)
    {
        var (a, b) = Fit(x, frequency);
        return [.. x.Select((value, i) => (float)(value - a * Math.Sin(Angle(frequency, i)) - b * Math.Cos(Angle(frequency, i))))];
    }

    private static double Angle(double frequency, int i) => 2 * Math.PI * frequency * i / 16_000;

    /// <summary>Least-squares amplitudes of sine and cosine.</summary>
    private static (double A, double B) Fit(float[] x, double frequency)
    {
        double ss = 0, cc = 0, sc = 0, xs = 0, xc = 0;
        for (var i = 0; i < x.Length; i++)
        {
            var (s, c) = Math.SinCos(Angle(frequency, i));
            ss += s * s;
            cc += c * c;
            sc += s * c;
            xs += x[i] * s;
            xc += x[i] * c;
        }
        var determinant = ss * cc - sc * sc;
        return ((xs * cc - xc * sc) / determinant, (xc * ss - xs * sc) / determinant);
    }
}
