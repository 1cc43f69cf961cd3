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
    private readonly double[] _power = new double[RealFft512.Bins];
    private readonly RealFft512 _fft = new();
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
        for (var i = 0; i < count; i++)
        {
            Frame(_samples.AsSpan(i * FrameRate.HopSamples, FrameSamples), to.Slice(i * bins, bins));
        }
        var used = count * FrameRate.HopSamples;
        _samples.AsSpan(used, _count - used).CopyTo(_samples);
        _count -= used;
    }

    private void Frame(ReadOnlySpan<float> samples, Span<float> mel)
    {
        var mean = Mean(samples);
        var windowed = _fft.Samples;
        var previous = samples[0] - mean;
        for (var i = 0; i < FrameSamples; i++)
        {
            var centred = samples[i] - mean;
            windowed[i] = (centred - PreEmphasis * previous) * Window[i];
            previous = centred;
        }
        windowed[FrameSamples..].Clear();
        _fft.Power(_power);

        tables.Filters.Apply(_power, mel);
        TensorPrimitives.Max(mel, EnergyFloor, mel);
        TensorPrimitives.Log(mel, mel);
        TensorPrimitives.Subtract(mel, tables.Mean, mel);
        TensorPrimitives.Multiply(mel, tables.Scale, mel);
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
}
