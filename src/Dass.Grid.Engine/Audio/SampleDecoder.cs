using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Dass.Grid.Engine.Audio;

/// <summary>
/// Raw interleaved bytes to mono samples: −1 … 1 for the integer encodings, the mean of the channels or one of them, and its gain.
/// </summary>
internal static class SampleDecoder
{
    /// <summary>Float samples beyond this are refused: no microphone makes them, and their power would overflow.</summary>
    public const float MaxFloat = 1e6f;

    /// <summary>Refuses what <see cref="Decode"/> must not see.</summary>
    /// <param name="format">A valid format.</param>
    /// <param name="audio">The bytes.</param>
    /// <param name="firstSample">Position of the first sample, for the message.</param>
    /// <exception cref="AudioFormatException">A torn frame, or a float that is not finite or absurdly large.</exception>
    public static void Check(AudioFormat format, ReadOnlySpan<byte> audio, long firstSample)
    {
        if (audio.Length % format.BytesPerFrame != 0)
        {
            throw new AudioFormatException(
                $"The audio from sample {firstSample} on has {audio.Length} bytes; it must be a multiple of {format.BytesPerFrame} "
                + $"({format.Channels} channel(s) of {format.Encoding}).");
        }
        if (format.Encoding != SampleEncoding.Float32)
        {
            return;
        }
        var samples = MemoryMarshal.Cast<byte, float>(audio);
        for (var i = 0; i < samples.Length; i++)
        {
            // The comparison is false for NaN too.
            if (!(MathF.Abs(samples[i]) <= MaxFloat))
            {
                throw new AudioFormatException(
                    $"Sample {firstSample + i / format.Channels}, channel {i % format.Channels}, is {samples[i]}; "
                    + $"float samples must be finite and at most {MaxFloat:0}.");
            }
        }
    }

    /// <summary>Decodes whole frames. Each output depends on its own frame alone.</summary>
    /// <param name="format">A valid format.</param>
    /// <param name="audio">Whole frames, checked.</param>
    /// <param name="mono">Receives one sample per frame.</param>
    /// <param name="level">Receives the sums over all channels, before the gain.</param>
    public static void Decode(AudioFormat format, ReadOnlySpan<byte> audio, Span<float> mono, ref LevelTally level)
    {
        int bytes = format.BytesPerSample, channels = format.Channels;
        var (one, full) = (format.Channel - 1, FullScale(format.Encoding)); // -1: their mean
        var scale = MathF.Pow(10, format.GainDb / 20) / (one < 0 ? channels : 1);
        double squares = 0, total = 0;
        var (peak, clipped) = (0f, 0);
        for (var frame = 0; frame < mono.Length; frame++)
        {
            var sum = 0f;
            for (var channel = 0; channel < channels; channel++)
            {
                var sample = Sample(format.Encoding, audio[((frame * channels + channel) * bytes)..]);
                var magnitude = MathF.Abs(sample);
                sum += one < 0 || channel == one ? sample : 0;
                total += sample;
                squares += (double)sample * sample;
                peak = MathF.Max(peak, magnitude);
                clipped += magnitude >= full ? 1 : 0;
            }
            mono[frame] = sum * scale;
        }
        level.Add(squares, total, peak, clipped, mono.Length * channels);
    }

    /// <summary>The least magnitude of which a sample may be a clipped one.</summary>
    private static float FullScale(SampleEncoding encoding) => encoding switch
    {
        SampleEncoding.ALaw => 0.984375f, // ITU-T G.711: 4,032 of 4,096
        SampleEncoding.MuLaw => 0.98f, // 8,031 of 8,192
        _ => 32_767f / 32_768,
    };

    private static float Sample(SampleEncoding encoding, ReadOnlySpan<byte> bytes) => encoding switch
    {
        SampleEncoding.Pcm16 => BinaryPrimitives.ReadInt16LittleEndian(bytes) / 32768f,
        SampleEncoding.Pcm24 => ((bytes[0] << 8 | bytes[1] << 16 | bytes[2] << 24) >> 8) / 8388608f,
        SampleEncoding.Pcm32 => BinaryPrimitives.ReadInt32LittleEndian(bytes) / 2147483648f,
        SampleEncoding.Float32 => BinaryPrimitives.ReadSingleLittleEndian(bytes),
        SampleEncoding.ALaw => G711.ALaw[bytes[0]],
        _ => G711.MuLaw[bytes[0]],
    };
}
