using System.Runtime.InteropServices;
using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Evaluation.Niah;

public enum HaystackKind
{
    /// <summary>Digital silence. (The paper's zeros are those of its normalised features, a faint noise of the data's mean spectrum.)</summary>
    Zeros,

    /// <summary>White Gaussian noise, the same minute again and again.</summary>
    White,

    /// <summary>A recording, tiled.</summary>
    Babble,
}

/// <summary>A needle in a haystack of any length, made as it is read: 16 kHz mono float, whose memory does not grow with the length.</summary>
/// <remarks>The haystack is never mixed into the needle, so the ratio of their levels is all that noise means here.</remarks>
internal sealed class Haystack : IAudioSource
{
    private readonly float[] _needle;
    private readonly float[] _hay; // tiled; empty: silence
    private readonly float _gain;
    private readonly long _length;
    private long _position;

    /// <param name="needle">Samples of the needle, padded.</param>
    /// <param name="hay">What is tiled around it; empty for silence.</param>
    /// <param name="needleRms">Level of the needle without its padding.</param>
    /// <param name="snrDb">How far the haystack lies below the needle.</param>
    /// <param name="length">Samples in all, the needle among them.</param>
    /// <param name="position">Where the needle lies, 0 (begin) to 1 (end).</param>
    public Haystack(float[] needle, float[] hay, double needleRms, double snrDb, long length, double position)
    {
        (_needle, _hay, _length) = (needle, hay, length);
        _gain = hay.Length == 0 ? 0 : (float)(needleRms / Math.Pow(10, snrDb / 20) / Rms(hay));
        Begin = Math.Min((long)(position * length), length - needle.Length);
    }

    /// <summary>First sample of the needle.</summary>
    public long Begin { get; }

    public AudioFormat Format { get; } = new(SampleEncoding.Float32, 16_000, 1);

    public long? TotalSamples => _length;

    public static double Rms(ReadOnlySpan<float> samples)
    {
        double sum = 0;
        foreach (var sample in samples)
        {
            sum += (double)sample * sample;
        }
        return Math.Sqrt(sum / Math.Max(1, samples.Length));
    }

    /// <summary>A minute of Gaussian noise of unit level.</summary>
    public static float[] WhiteNoise(int seed)
    {
        var random = new Random(seed);
        var noise = new float[60 * 16_000];
        for (var i = 0; i < noise.Length; i++)
        {
            noise[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        }
        return noise;
    }

    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var samples = MemoryMarshal.Cast<byte, float>(buffer.Span);
        samples = samples[..(int)Math.Min(samples.Length, _length - _position)];
        for (var i = 0; i < samples.Length; i++, _position++)
        {
            var inside = _position - Begin;
            samples[i] = inside >= 0 && inside < _needle.Length ? _needle[inside]
                : _hay.Length == 0 ? 0
                : Math.Clamp(_gain * _hay[_position % _hay.Length], -1, 1);
        }
        return ValueTask.FromResult(samples.Length * sizeof(float));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
