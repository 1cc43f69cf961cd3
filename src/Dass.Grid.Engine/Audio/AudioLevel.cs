namespace Dass.Grid.Engine.Audio;

/// <summary>How loud a stretch of audio is, over all its channels at the stream's own rate, before they are mixed.</summary>
/// <param name="RmsDbfs">20·log10 of the root mean square without its mean (a microphone's constant offset is no sound), full scale 1:
/// a sine at full scale has −3.01. At least <see cref="SilenceDbfs"/>.</param>
/// <param name="PeakDbfs">20·log10 of the highest magnitude; above 0 of float samples beyond full scale. At least
/// <see cref="SilenceDbfs"/>.</param>
/// <param name="ClippedShare">Samples at full scale or beyond, 0 to 1.</param>
public readonly record struct AudioLevel(float RmsDbfs, float PeakDbfs, float ClippedShare)
{
    /// <summary>Digital silence: far below the least step of 16 bits, which is −90.</summary>
    public const float SilenceDbfs = -120;

    /// <summary>The level of whole frames; null: of none.</summary>
    /// <param name="format">A valid format.</param>
    /// <param name="audio">What is left over behind the last whole frame does not count.</param>
    public static AudioLevel? Of(AudioFormat format, ReadOnlySpan<byte> audio)
    {
        const int Block = 1_024; // frames
        LevelTally tally = default;
        Span<float> mono = stackalloc float[Block];
        for (var left = audio.Length / format.BytesPerFrame; left > 0; left -= Block)
        {
            var frames = Math.Min(left, Block);
            SampleDecoder.Decode(format, audio[..(frames * format.BytesPerFrame)], mono[..frames], ref tally);
            audio = audio[(frames * format.BytesPerFrame)..];
        }
        return From(tally.Variance * tally.Samples, tally.Peak, tally.Clipped, tally.Samples);
    }

    /// <summary>From sums over samples; null: of none.</summary>
    internal static AudioLevel? From(double squares, float peak, long clipped, long samples) => samples == 0 ? null
        : new AudioLevel(Decibels(Math.Sqrt(squares / samples)), Decibels(peak), (float)((double)clipped / samples));

    private static float Decibels(double amplitude) =>
        amplitude > 0 ? (float)Math.Max(SilenceDbfs, 20 * Math.Log10(amplitude)) : SilenceDbfs;
}
