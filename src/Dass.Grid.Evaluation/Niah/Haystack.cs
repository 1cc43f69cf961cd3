using System.Runtime.InteropServices;
using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Evaluation.Niah;

public enum HaystackKind
{
    /// <summary>Digital silence. (The paper's zeros are those of its normalised features, a faint noise of the data's mean spectrum.)</summary>
    Zeros,

    /// <summary>White Gaussian noise without end.</summary>
    White,

    /// <summary>A recording, tiled.</summary>
    Babble,
}

/// <summary>A needle in a haystack of any length, made as it is read: 16 kHz mono float, whose memory does not grow with the length.</summary>
/// <remarks>
/// The haystack is never mixed into the needle, so the ratio of their levels is all that noise means here. It goes on after the needle where it
/// stopped before. Samples beyond ±1 stay as they are: the engine takes them, and clipping would change level and spectrum of the haystack.
/// </remarks>
internal sealed class Haystack : IAudioSource
{
    private readonly float[] _needle;
    private readonly Hay _hay;
    private readonly float _gain;
    private readonly long _length;
    private long _position;

    /// <param name="needle">Samples of the needle, padded.</param>
    /// <param name="hay">What is around it.</param>
    /// <param name="needleRms">Level of the needle without its padding.</param>
    /// <param name="snrDb">How far the haystack lies below the needle.</param>
    /// <param name="length">Samples in all, the needle among them.</param>
    /// <param name="position">Where the needle lies, 0 (begin) to 1 (end).</param>
    public Haystack(float[] needle, Hay hay, double needleRms, double snrDb, long length, double position)
    {
        (_needle, _hay, _length) = (needle, hay, length);
        _gain = hay.Rms == 0 ? 0 : (float)(needleRms / Math.Pow(10, snrDb / 20) / hay.Rms);
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

    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var samples = MemoryMarshal.Cast<byte, float>(buffer.Span);
        samples = samples[..(int)Math.Min(samples.Length, _length - _position)];
        for (var rest = samples; !rest.IsEmpty;)
        {
            var inside = _position - Begin;
            var until = inside < 0 ? Begin : inside < _needle.Length ? Begin + _needle.Length : _length;
            var part = rest[..(int)Math.Min(rest.Length, until - _position)];
            if (inside >= 0 && inside < _needle.Length)
            {
                _needle.AsSpan((int)inside, part.Length).CopyTo(part);
            }
            else
            {
                _hay.Read(inside < 0 ? _position : _position - _needle.Length, part);
                foreach (ref var sample in part)
                {
                    sample *= _gain;
                }
            }
            _position += part.Length;
            rest = rest[part.Length..];
        }
        return ValueTask.FromResult(samples.Length * sizeof(float));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
