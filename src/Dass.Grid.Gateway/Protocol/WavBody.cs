using System.Buffers.Binary;
using Dass.Grid.V1;

namespace Dass.Grid.Gateway.Protocol;

/// <summary>A WAV file that came whole: its format and where its samples lie. The engine decodes; here only the header is read.</summary>
internal static class WavBody
{
    private const int Pcm = 1;
    private const int Float = 3;
    private const int ALaw = 6;
    private const int MuLaw = 7;
    private const int Extensible = 0xFFFE;
    private const int SubFormat = 24; // offset in an extensible fmt

    /// <returns>Format, and the samples as far as the body has them.</returns>
    /// <exception cref="RpcException">INVALID_ARGUMENT: no WAV file, or one whose samples the protocol has no encoding for.</exception>
    public static (AudioFormat Format, ReadOnlyMemory<byte> Samples) Parse(ReadOnlyMemory<byte> body)
    {
        if (body.Length < 12 || !body.Span.StartsWith("RIFF"u8) || !body.Span[8..].StartsWith("WAVE"u8))
        {
            throw ProtocolErrors.BrokenWav("it does not begin with RIFF and WAVE");
        }
        AudioFormat? format = null;
        for (var at = 12; body.Length - at >= 8;)
        {
            var id = body.Span.Slice(at, 4);
            var size = BinaryPrimitives.ReadUInt32LittleEndian(body.Span[(at + 4)..]);
            at += 8;
            var held = (int)Math.Min(size, body.Length - at);
            if (id.SequenceEqual("data"u8))
            {
                var frame = Frame(format ?? throw ProtocolErrors.BrokenWav("it has no fmt chunk before its data"));
                // A program that cannot seek writes no size, or the largest.
                var samples = size == 0 ? body[at..] : body.Slice(at, held);
                return (format, samples[..(samples.Length / frame * frame)]);
            }
            if (id.SequenceEqual("fmt "u8))
            {
                format = Format(body.Span.Slice(at, held));
            }
            at += held + (held & 1);
            if (held < size)
            {
                break;
            }
        }
        throw ProtocolErrors.BrokenWav("it ends before its data");
    }

    private static AudioFormat Format(ReadOnlySpan<byte> fmt)
    {
        if (fmt.Length < 16)
        {
            throw ProtocolErrors.BrokenWav($"its fmt chunk has {fmt.Length} bytes; 16 or more are needed");
        }
        int Short(ReadOnlySpan<byte> from) => BinaryPrimitives.ReadUInt16LittleEndian(from);
        var (tag, channels, bits, align) = (Short(fmt), Short(fmt[2..]), Short(fmt[14..]), Short(fmt[12..]));
        if (tag == Extensible && fmt.Length >= SubFormat + 2)
        {
            tag = Short(fmt[SubFormat..]);
        }
        var encoding = (tag, bits) switch
        {
            (Pcm, 16) => Encoding.Pcm16,
            (Pcm, 24) => Encoding.Pcm24,
            (Pcm, 32) => Encoding.Pcm32,
            (Float, 32) => Encoding.Float32,
            (ALaw, 8) => Encoding.ALaw,
            (MuLaw, 8) => Encoding.MuLaw,
            _ => throw ProtocolErrors.BrokenWav(
                $"its format tag is {tag} with {bits} bits; PCM of 16, 24 and 32 bits, float of 32, A-law and µ-law are taken"),
        };
        var rate = BinaryPrimitives.ReadUInt32LittleEndian(fmt[4..]);
        if (channels == 0 || rate is 0 or > int.MaxValue || align != channels * (bits / 8))
        {
            throw ProtocolErrors.BrokenWav($"it has {channels} channels of {bits} bits at {rate} Hz in frames of {align} bytes");
        }
        return new AudioFormat { Encoding = encoding, SampleRateHz = (int)rate, Channels = channels };
    }

    private static int Frame(AudioFormat format) => format.Channels * format.Encoding switch
    {
        Encoding.Pcm16 => 2,
        Encoding.Pcm24 => 3,
        Encoding.Pcm32 or Encoding.Float32 => 4,
        _ => 1,
    };
}
