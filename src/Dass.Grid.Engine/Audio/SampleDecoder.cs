using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Dass.Grid.Engine.Audio;

/// <summary>
/// Raw interleaved bytes to mono samples: −1 … 1 for the integer encodings, the mean of the channels or one of them, and its gain.
/// </summary>
internal static class SampleDecoder
{
    /// <summary>Float samples beyond this are refused: no microphone makes them, and their power would overflow.</summary>
    public const float MaxFloat = 1e6f;

    private const int BlockSamples = 1024; // of all channels

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
        int bytes = format.BytesPerFrame, channels = format.Channels;
        var scale = MathF.Pow(10, format.GainDb / 20) / (format.Channel == 0 ? channels : 1);
        var full = FullScale(format.Encoding);
        Span<float> scratch = stackalloc float[BlockSamples];
        while (!mono.IsEmpty)
        {
            var frames = Math.Min(mono.Length, BlockSamples / channels);
            var samples = scratch[..(frames * channels)];
            ToFloat(format.Encoding, audio[..(frames * bytes)], samples);
            level.Add(samples, full);
            Mix(samples, channels, format.Channel, scale, mono[..frames]);
            audio = audio[(frames * bytes)..];
            mono = mono[frames..];
        }
    }

    /// <summary>The least magnitude of which a sample may be a clipped one.</summary>
    private static float FullScale(SampleEncoding encoding) => encoding switch
    {
        SampleEncoding.ALaw => 0.984375f, // ITU-T G.711: 4,032 of 4,096
        SampleEncoding.MuLaw => 0.98f, // 8,031 of 8,192
        _ => 32_767f / 32_768,
    };

    private static void ToFloat(SampleEncoding encoding, ReadOnlySpan<byte> from, Span<float> to)
    {
        switch (encoding)
        {
            case SampleEncoding.Pcm16:
                Pcm16ToFloat(MemoryMarshal.Cast<byte, short>(from), to);
                break;
            case SampleEncoding.Pcm24:
                for (var i = 0; i < to.Length; i++)
                {
                    to[i] = ((from[3 * i] << 8 | from[3 * i + 1] << 16 | from[3 * i + 2] << 24) >> 8) / 8388608f;
                }
                break;
            case SampleEncoding.Pcm32:
                var wide = MemoryMarshal.Cast<byte, int>(from);
                for (var i = 0; i < to.Length; i++)
                {
                    to[i] = wide[i] / 2147483648f;
                }
                break;
            case SampleEncoding.Float32:
                MemoryMarshal.Cast<byte, float>(from).CopyTo(to);
                break;
            default:
                var table = encoding == SampleEncoding.ALaw ? G711.ALaw : G711.MuLaw;
                for (var i = 0; i < to.Length; i++)
                {
                    to[i] = table[from[i]];
                }
                break;
        }
    }

    private static void Pcm16ToFloat(ReadOnlySpan<short> from, Span<float> to)
    {
        const float Scale = 1 / 32768f;
        ref readonly var source = ref MemoryMarshal.GetReference(from[..to.Length]);
        ref var target = ref MemoryMarshal.GetReference(to);
        var i = 0;
        for (; i <= to.Length - 16; i += 16)
        {
            var (low, high) = Vector256.Widen(Vector256.LoadUnsafe(in source, (nuint)i));
            (Vector256.ConvertToSingle(low) * Scale).StoreUnsafe(ref target, (nuint)i);
            (Vector256.ConvertToSingle(high) * Scale).StoreUnsafe(ref target, (nuint)i + 8);
        }
        for (; i < to.Length; i++)
        {
            to[i] = from[i] * Scale;
        }
    }

    /// <param name="samples">[frames, channels].</param>
    /// <param name="channels">Of a frame.</param>
    /// <param name="channel">Which is heard, from 1; 0: their sum.</param>
    /// <param name="scale">Factor.</param>
    /// <param name="mono">[frames].</param>
    private static void Mix(ReadOnlySpan<float> samples, int channels, int channel, float scale, Span<float> mono)
    {
        if (channels == 1)
        {
            TensorPrimitives.Multiply(samples, scale, mono);
            return;
        }
        for (var frame = 0; frame < mono.Length; frame++)
        {
            var of = samples.Slice(frame * channels, channels);
            var sum = 0f;
            foreach (var sample in channel == 0 ? of : of.Slice(channel - 1, 1))
            {
                sum += sample;
            }
            mono[frame] = sum * scale;
        }
    }
}
