namespace Dass.Grid.Evaluation.Niah;

public enum HaystackKind
{
    /// <summary>
    /// Digital silence. (The paper's zeros are those of its normalised features, a faint noise of the data's mean spectrum.)
    /// </summary>
    Zeros,

    /// <summary>White Gaussian noise without end.</summary>
    White,

    /// <summary>A recording, tiled.</summary>
    Babble,
}

/// <summary>
/// A needle in a haystack of any length: 16 kHz mono samples, made where they are read, so that memory does not grow with the length.
/// </summary>
/// <remarks>
/// The haystack is never mixed into the needle, so the ratio of their levels is all that noise means here. It goes on after the needle
/// where it stopped before. Samples beyond ±1 stay as they are: the engine takes them, and clipping would change level and spectrum of the
/// haystack.
/// </remarks>
internal sealed class Haystack
{
    private readonly float[] _needle;
    private readonly HaystackNoise _noise;
    private readonly float _gain;

    /// <param name="needle">Samples of the needle, padded.</param>
    /// <param name="noise">What is around it.</param>
    /// <param name="gain">Of the noise, from <see cref="Gain"/>.</param>
    /// <param name="length">Samples in all, the needle among them.</param>
    /// <param name="position">Where the needle lies, 0 (begin) to 1 (end).</param>
    public Haystack(float[] needle, HaystackNoise noise, float gain, long length, double position)
    {
        (_needle, _noise, _gain, Length) = (needle, noise, gain, length);
        Begin = Math.Min((long)(position * length), length - needle.Length);
    }

    /// <summary>First sample of the needle.</summary>
    public long Begin { get; }

    /// <summary>First sample after the needle.</summary>
    public long End => Begin + _needle.Length;

    /// <summary>Samples in all.</summary>
    public long Length { get; }

    /// <summary>Samples after which the haystack, before the needle or after it, repeats itself; null: never.</summary>
    public long? Period => _noise.Period;

    /// <summary>What brings a haystack to its level.</summary>
    /// <param name="noise">At the level at which it is read.</param>
    /// <param name="needleRms">Level of the needle without its padding.</param>
    /// <param name="snrDb">How far the haystack lies below the needle.</param>
    public static float Gain(HaystackNoise noise, double needleRms, double snrDb) =>
        noise.Rms == 0 ? 0 : (float)(needleRms / Math.Pow(10, snrDb / 20) / noise.Rms);

    public static double Rms(ReadOnlySpan<float> samples)
    {
        double sum = 0;
        foreach (var sample in samples)
        {
            sum += (double)sample * sample;
        }
        return Math.Sqrt(sum / Math.Max(1, samples.Length));
    }

    /// <param name="from">Place of the first sample.</param>
    /// <param name="to">Receives the samples from there on; no more than there are.</param>
    public void Read(long from, Span<float> to)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(from + to.Length, Length);
        while (!to.IsEmpty)
        {
            var inside = from >= Begin && from < End;
            var until = from < Begin ? Begin : inside ? End : Length;
            var part = to[..(int)Math.Min(to.Length, until - from)];
            if (inside)
            {
                _needle.AsSpan((int)(from - Begin), part.Length).CopyTo(part);
            }
            else
            {
                _noise.Read(from < Begin ? from : from - _needle.Length, part);
                System.Numerics.Tensors.TensorPrimitives.Multiply(part, _gain, part);
            }
            from += part.Length;
            to = to[part.Length..];
        }
    }
}
