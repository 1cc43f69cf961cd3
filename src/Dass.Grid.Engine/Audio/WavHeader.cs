using System.Buffers.Binary;

namespace Dass.Grid.Engine.Audio;

/// <summary>What the chunks before the audio of a RIFF/WAVE file hold.</summary>
/// <param name="Format">The format in which samples are handed out.</param>
/// <param name="Stored">How they lie in the file.</param>
/// <param name="File">The format before channels are mixed, because there are too many for a stream; mostly the same.</param>
/// <param name="BigEndian">Whether samples are written so (RIFX).</param>
/// <param name="DataBytes">Bytes of audio, or null: until the end.</param>
internal sealed record WavHeader(AudioFormat Format, WavSample Stored, AudioFormat File, bool BigEndian, long? DataBytes)
{
    private const int FormatBytes = 40; // what is looked at
    private const int MaxFormatBytes = 1 << 20;
    private const int MaxChannels = 256;
    private const uint HugeSize = 0x7FFF0000; // what programs write that cannot come back to write the size, FFFFFFFF but for headers
    private const int MaxChunks = 1000;
    private const uint UnknownSize = 0xFFFFFFFF; // also what RF64 writes where ds64 has the real size

    /// <exception cref="AudioFormatException">Not a WAV file, or one that breaks a rule.</exception>
    public static async Task<WavHeader> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var start = await TakeAsync(stream, 12, "the RIFF header", cancellationToken).ConfigureAwait(false);
        var riff = FourCc(start);
        if (riff is not ("RIFF" or "RIFX" or "RF64" or "BW64") || FourCc(start.AsSpan(8)) != "WAVE")
        {
            throw new AudioFormatException("This is not a WAV file: it does not begin with RIFF, RIFX, RF64 or BW64 and WAVE.");
        }
        var bigEndian = riff == "RIFX";
        var promised = Size(start.AsSpan(4), bigEndian) + 8L; // bytes of the file
        var (at, odd) = (12L, (Name: "", Pad: default(byte)));

        (AudioFormat Format, WavSample Stored, AudioFormat File)? format = null;
        ulong? dataBytes64 = null;
        for (var chunks = 0; chunks < MaxChunks; chunks++)
        {
            var head = await TakeAsync(
                stream, 8, format is null ? "the 'fmt ' chunk" : "the 'data' chunk", cancellationToken).ConfigureAwait(false);
            var (name, size) = (FourCc(head), Size(head.AsSpan(4), bigEndian));
            CheckAlignment(odd.Name, odd.Pad, name);
            at += 8;
            if (name == "data")
            {
                var shape = format
                    ?? throw new AudioFormatException(
                        "The WAV file has its 'data' chunk before its 'fmt ' chunk; the format must come first.");
                var follows = riff is "RIFF" or "RIFX" && promised is > 8 and < HugeSize && promised > at;
                return new WavHeader(
                    shape.Format, shape.Stored, shape.File, bigEndian,
                    size == 0 && follows ? 0 : DataSize(riff, size, dataBytes64, stream.CanSeek));
            }
            var kept = name switch
            {
                "fmt " when size is < 16 or > MaxFormatBytes => throw new AudioFormatException(
                    $"The WAV file's 'fmt ' chunk has {size} bytes; it must have 16 to {MaxFormatBytes}."),
                "fmt " => (int)Math.Min(size, FormatBytes),
                "ds64" when size is >= 24 and <= MaxFormatBytes => 24,
                _ => 0,
            };
            var chunk = await TakeAsync(stream, kept, $"the '{name}' chunk", cancellationToken).ConfigureAwait(false);
            var last = await SkipAsync(stream, size - kept + (size & 1L), name, cancellationToken).ConfigureAwait(false);
            odd = (size & 1) != 0 ? (name, last) : ("", default);
            at += size + (size & 1L);
            format = name == "fmt " ? ReadFormat(chunk, bigEndian) : format;
            dataBytes64 = name == "ds64" && kept > 0 ? BinaryPrimitives.ReadUInt64LittleEndian(chunk.AsSpan(8)) : dataBytes64;
        }
        throw new AudioFormatException($"The WAV file has no 'data' chunk among its first {MaxChunks} chunks.");
    }

    // 0 and very much are what a program writes that cannot seek back to fill in the size; a pipe's writer did not even try.
    private static long? DataSize(string riff, uint size, ulong? size64, bool isFile) =>
        riff is "RF64" or "BW64" && size == UnknownSize && size64 is > 0 and <= long.MaxValue ? (long)size64
        : size is 0 or UnknownSize || (!isFile && size >= HugeSize) ? null
        : size;

    private static uint Size(ReadOnlySpan<byte> bytes, bool bigEndian) =>
        bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    /// <summary>A chunk of odd length without the byte that the standard asks for behind it shows in the name of the next one.</summary>
    private static void CheckAlignment(string odd, byte pad, string name)
    {
        if (odd.Length > 0 && (char)pad + name[..3] is "data" or "fmt " or "LIST" or "fact" or "bext" or "id3 " or "JUNK" or "cue ")
        {
            throw new AudioFormatException(
                $"The WAV file's '{odd}' chunk has an odd length and no pad byte behind it, so that the '{(char)pad}{name[..3]}' chunk is "
                + "misaligned; a program that writes WAV by the standard mends it.");
        }
    }

    private static (AudioFormat Format, WavSample Stored, AudioFormat File) ReadFormat(byte[] chunk, bool bigEndian)
    {
        int Word(int at) => bigEndian
            ? BinaryPrimitives.ReadUInt16BigEndian(chunk.AsSpan(at)) : BinaryPrimitives.ReadUInt16LittleEndian(chunk.AsSpan(at));
        var (tag, channels, rate, align, bits) = (Word(0), Word(2), Size(chunk.AsSpan(4), bigEndian), Word(12), Word(14));
        const int Extensible = 0xFFFE;
        if (tag == Extensible)
        {
            if (chunk.Length < 40)
            {
                throw new AudioFormatException($"The WAV file's extensible 'fmt ' chunk has {chunk.Length} bytes; it must have 40.");
            }
            tag = Word(24); // the sub-format's GUID begins with the plain tag
        }
        var bytes = channels > 0 && align > 0 && align % channels == 0 ? align / channels : (bits + 7) / 8; // of a sample; 0 is "unknown"
        (SampleEncoding Encoding, WavSample Stored) sample = (tag, bytes) switch
        {
            (1, 1) when bits <= 8 => (SampleEncoding.Pcm16, WavSample.Unsigned8),
            (1, 2) when bits <= 16 => (SampleEncoding.Pcm16, WavSample.AsIs), // of fewer bits the lower ones are 0
            (1, 3) when bits <= 24 => (SampleEncoding.Pcm24, WavSample.AsIs),
            (1, 4) when bits <= 32 => (SampleEncoding.Pcm32, WavSample.AsIs),
            (3, 4) when bits == 32 => (SampleEncoding.Float32, WavSample.AsIs),
            (3, 8) when bits == 64 => (SampleEncoding.Float32, WavSample.Float64),
            (6, 1) => (SampleEncoding.ALaw, WavSample.AsIs),
            (7, 1) => (SampleEncoding.MuLaw, WavSample.AsIs),
            (1 or 3 or 6 or 7, _) => throw new AudioFormatException(
                $"The WAV file has a block align of {align} bytes for {channels} channel(s) of {bits} bits in format {tag}; "
                + "the bits must fit into it, and be 32 or 64 of float."),
            _ => throw new UnreadWavException(
                $"The WAV file has format tag {tag} with {bits} bits per sample; PCM of 8 to 32 bits, float 32, 64, A-law and "
                + "µ-law are read.",
                isReshaped: false),
        };
        if (rate is < AudioFormat.MinSampleRateHz and > 0 or > AudioFormat.MaxSampleRateHz and <= 10_000_000)
        {
            throw new UnreadWavException(
                $"The WAV file's sample rate is {rate} Hz; {AudioFormat.MinSampleRateHz} to {AudioFormat.MaxSampleRateHz} Hz are read.",
                isReshaped: true);
        }
        var many = channels is > AudioFormat.MaxChannels and <= MaxChannels;
        var file = new AudioFormat(sample.Encoding, (int)Math.Min(rate, int.MaxValue), channels);
        var format = many ? file with { Encoding = SampleEncoding.Float32, Channels = 1 } : file;
        format.Validate();
        return (format, sample.Stored, file);
    }

    private static async ValueTask<byte[]> TakeAsync(Stream stream, int count, string what, CancellationToken cancellationToken)
    {
        var bytes = new byte[count];
        var read = await stream.ReadAtLeastAsync(bytes, count, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        return read == count
            ? bytes
            : throw new AudioFormatException(
                read == 0 && what == "the RIFF header" ? "The WAV file is empty." : $"The WAV file ends before {what} is complete.");
    }

    /// <returns>The last byte.</returns>
    private static async ValueTask<byte> SkipAsync(Stream stream, long count, string name, CancellationToken cancellationToken)
    {
        var buffer = new byte[Math.Min(count, 64 << 10)];
        byte last = 0;
        while (count > 0)
        {
            var read = await stream.ReadAsync(
                buffer.AsMemory(0, (int)Math.Min(count, buffer.Length)), cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                throw new AudioFormatException($"The WAV file ends inside its '{name}' chunk, before any audio.");
            }
            count -= read;
            last = buffer[read - 1];
        }
        return last;
    }

    private static string FourCc(ReadOnlySpan<byte> bytes) => System.Text.Encoding.Latin1.GetString(bytes[..4]);
}

/// <summary>How a sample lies in the file, where that differs from the encodings of streams.</summary>
internal enum WavSample
{
    AsIs,

    /// <summary>Unsigned 8-bit PCM, handed out as PCM16.</summary>
    Unsigned8,

    /// <summary>Double precision, handed out as single.</summary>
    Float64,
}
