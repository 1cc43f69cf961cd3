using System.Numerics;
using System.Numerics.Tensors;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Features;

/// <summary>What all streams of a model share of the filter bank. Immutable.</summary>
internal sealed class LogMelTables(DassConfig config)
{
    public MelFilters Filters { get; } = new(config.MelBins);

    public float Mean { get; } = config.FeatureMean;

    /// <summary>Normalisation divides by twice the standard deviation.</summary>
    public float Scale { get; } = 1 / (2 * config.FeatureStd);
}

/// <summary>
/// Kaldi's log-mel filter bank, streaming: 25 ms frames every 10 ms, only whole frames; per frame the mean removed, pre-emphasis 0.97, Hann
/// window, 512-point power spectrum, mel filters, natural logarithm; then the model's normalisation.
/// </summary>
/// <remarks>A frame depends on its own 400 samples alone, so the frames do not depend on how the audio is cut. Not thread-safe.</remarks>
internal sealed class LogMel(LogMelTables tables)
{
    /// <summary>Samples of one frame.</summary>
    public const int FrameSamples = 400;

    private const int BlockSamples = 4096;
    private const double PreEmphasis = 0.97;
    private const float EnergyFloor = 1.1920929e-7f;

    // Float input may be any finite value. Beyond this (PCM16 without scaling) it is limited, so that no energy overflows.
    private const float SampleLimit = 32_768;

    private static readonly double[] Window =
        [.. Enumerable.Range(0, FrameSamples).Select(i => 0.5 - 0.5 * Math.Cos(2 * Math.PI * i / (FrameSamples - 1)))];

    private readonly float[] _samples = new float[BlockSamples];
    // Of a thread, not of a stream: thousands of streams share a few cores.
    [ThreadStatic]
    private static Scratch? _scratch;

    private int _count; // samples that the next frame begins with; less than a frame between calls

    /// <summary>Samples from the next frame's begin on: all that <see cref="Push"/> keeps.</summary>
    public ReadOnlySpan<float> Carried => _samples.AsSpan(0, _count);

    /// <summary>Takes in mono samples at 16 kHz, full scale ±1, and appends the frames that they complete.</summary>
    public void Push(ReadOnlySpan<float> samples, FrameBuffer frames)
    {
        while (!samples.IsEmpty)
        {
            var taken = Math.Min(samples.Length, BlockSamples - _count);
            TensorPrimitives.Clamp(samples[..taken], -SampleLimit, SampleLimit, _samples.AsSpan(_count));
            samples = samples[taken..];
            _count += taken;
            TakeFrames(frames);
        }
    }

    /// <summary>Continues where a filter bank with <paramref name="carried"/> as its <see cref="Carried"/> was.</summary>
    public void Restore(ReadOnlySpan<float> carried)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(carried.Length, FrameSamples);
        carried.CopyTo(_samples);
        _count = carried.Length;
    }

    /// <summary>Whole frames over <paramref name="samples"/> samples.</summary>
    private static int FramesOf(int samples) => samples < FrameSamples ? 0 : 1 + (samples - FrameSamples) / FrameRate.HopSamples;

    private void TakeFrames(FrameBuffer frames)
    {
        var count = FramesOf(_count);
        if (count == 0)
        {
            return;
        }
        var bins = tables.Filters.Count;
        var to = frames.Append(count);
        var scratch = _scratch ??= new Scratch();
        for (int i = 0, together; i < count; i += together)
        {
            together = Math.Min(RealFft512.Lanes, count - i);
            Take(scratch, _samples.AsSpan(i * FrameRate.HopSamples), together, to.Slice(i * bins, together * bins));
        }
        var used = count * FrameRate.HopSamples;
        _samples.AsSpan(used, _count - used).CopyTo(_samples);
        _count -= used;
    }

    /// <param name="scratch">Of this thread.</param>
    /// <param name="samples">The frames' samples, each a hop after the one before.</param>
    /// <param name="frames">1 to <see cref="RealFft512.Lanes"/>.</param>
    /// <param name="mel">Receives the frames.</param>
    private void Take(Scratch scratch, ReadOnlySpan<float> samples, int frames, Span<float> mel)
    {
        var windowed = scratch.Fft.Samples;
        if (frames < RealFft512.Lanes)
        {
            windowed.Clear(); // what is left of frames of before
        }
        windowed[(FrameSamples * RealFft512.Lanes)..].Clear();
        for (var frame = 0; frame < frames; frame++)
        {
            Emphasize(samples.Slice(frame * FrameRate.HopSamples, FrameSamples), windowed[frame..]);
        }
        scratch.Fft.Power(scratch.Power);
        tables.Filters.Apply(scratch.Power, mel);
        TensorPrimitives.Max(mel, EnergyFloor, mel);
        TensorPrimitives.Log(mel, mel);
        TensorPrimitives.Subtract(mel, tables.Mean, mel);
        TensorPrimitives.Multiply(mel, tables.Scale, mel);
    }

    /// <summary>Writes a frame without its mean, with pre-emphasis and window, into one lane.</summary>
    private static void Emphasize(ReadOnlySpan<float> samples, Span<double> lane)
    {
        var (mean, stride, window) = (Mean(samples), RealFft512.Lanes, Window);
        var previous = samples[0] - mean;
        for (int i = 0, at = 0; i < window.Length; i++, at += stride)
        {
            var centred = samples[i] - mean;
            lane[at] = (centred - PreEmphasis * previous) * window[i];
            previous = centred;
        }
    }

    // Four sums side by side instead of a chain of 400 additions.
    private static double Mean(ReadOnlySpan<float> samples)
    {
        double a = 0, b = 0, c = 0, d = 0;
        for (var i = 0; i < FrameSamples; i += 4)
        {
            a += samples[i];
            b += samples[i + 1];
            c += samples[i + 2];
            d += samples[i + 3];
        }
        return (a + b + (c + d)) / FrameSamples;
    }

    private sealed class Scratch
    {
        public RealFft512 Fft { get; } = new();

        public Vector<double>[] Power { get; } = new Vector<double>[RealFft512.Bins];
    }
}
