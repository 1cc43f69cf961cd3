using System.Buffers.Binary;

namespace Dass.Grid.Engine.Audio;

/// <summary>What the chunks before the audio of a RIFF/WAVE file hold.</summary>
/// <param name="Format">The format in which samples are handed out.</param>
/// <param name="Stored">How they lie in the file.</param>
/// <param name="DataBytes">Bytes of audio, or null: until the end.</param>
internal sealed record WavHeader(AudioFormat Format, WavSample Stored, long? DataBytes)
{
    private const int MaxFormatBytes = 1024;
    private const int MaxChunks = 1000;
    private const uint UnknownSize = 0xFFFFFFFF; // also what RF64 writes where ds64 has the real size

    /// <exception cref="AudioFormatException">Not a WAV file, or one that breaks a rule.</exception>
    public static async Task<WavHeader> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var start = await TakeAsync(stream, 12, "the RIFF header", cancellationToken).ConfigureAwait(false);
        var riff = FourCc(start);
        if (riff is not ("RIFF" or "RF64" or "BW64") || FourCc(start.AsSpan(8)) != "WAVE")
        {
            throw new AudioFormatException("This is not a WAV file: it does not begin with RIFF, RF64 or BW64 and WAVE.");
        }

        (AudioFormat, WavSample)? format = null;
        ulong? dataBytes64 = null;
        for (var chunks = 0; chunks < MaxChunks; chunks++)
        {
            var head = await TakeAsync(
                stream, 8, format is null ? "the 'fmt ' chunk" : "the 'data' chunk", cancellationToken).ConfigureAwait(false);
            var (name, size) = (FourCc(head), BinaryPrimitives.ReadUInt32LittleEndian(head.AsSpan(4)));
            switch (name)
            {
                case "fmt ":
                    if (size is < 16 or > MaxFormatBytes)
                    {
                        throw new AudioFormatException(
                            $"The WAV file's 'fmt ' chunk has {size} bytes; it must have 16 to {MaxFormatBytes}.");
                    }
                    format = ReadFormat(
                        await TakeAsync(stream, (int)size + (int)(size & 1), "the 'fmt ' chunk", cancellationToken).ConfigureAwait(false));
                    break;
                case "ds64" when size is >= 24 and <= MaxFormatBytes:
                    var sizes = await TakeAsync(
                        stream, (int)size + (int)(size & 1), "the 'ds64' chunk", cancellationToken).ConfigureAwait(false);
                    dataBytes64 = BinaryPrimitives.ReadUInt64LittleEndian(sizes.AsSpan(8));
                    break;
                case "data":
                    var (shape, stored) = format
                        ?? throw new AudioFormatException(
                            "The WAV file has its 'data' chunk before its 'fmt ' chunk; the format must come first.");
                    return new WavHeader(shape, stored, DataSize(riff, size, dataBytes64));
                default:
                    await SkipAsync(stream, size + (size & 1L), name, cancellationToken).ConfigureAwait(false);
                    break;
            }
        }
        throw new AudioFormatException($"The WAV file has no 'data' chunk among its first {MaxChunks} chunks.");
    }

    // 0 is what a program writes that cannot seek back to fill in the size.
    private static long? DataSize(string riff, uint size, ulong? size64) =>
        riff != "RIFF" && size == UnknownSize && size64 is > 0 and <= long.MaxValue ? (long)size64
        : size is 0 or UnknownSize ? null
        : size;

    private static (AudioFormat, WavSample) ReadFormat(byte[] chunk)
    {
        int tag = BinaryPrimitives.ReadUInt16LittleEndian(chunk), channels = BinaryPrimitives.ReadUInt16LittleEndian(chunk.AsSpan(2));
        var rate = BinaryPrimitives.ReadUInt32LittleEndian(chunk.AsSpan(4));
        int align = BinaryPrimitives.ReadUInt16LittleEndian(chunk.AsSpan(12)),
            bits = BinaryPrimitives.ReadUInt16LittleEndian(chunk.AsSpan(14));
        const int Extensible = 0xFFFE;
        if (tag == Extensible)
        {
            if (chunk.Length < 40)
            {
                throw new AudioFormatException($"The WAV file's extensible 'fmt ' chunk has {chunk.Length} bytes; it must have 40.");
            }
            tag = BinaryPrimitives.ReadUInt16LittleEndian(chunk.AsSpan(24)); // the sub-format's GUID begins with the plain tag
        }
        (SampleEncoding Encoding, WavSample Stored) sample = (tag, bits) switch
        {
            (1, 8) => (SampleEncoding.Pcm16, WavSample.Unsigned8),
            (1, 16) => (SampleEncoding.Pcm16, WavSample.AsIs),
            (1, 24) => (SampleEncoding.Pcm24, WavSample.AsIs),
            (1, 32) => (SampleEncoding.Pcm32, WavSample.AsIs),
            (3, 32) => (SampleEncoding.Float32, WavSample.AsIs),
            (3, 64) => (SampleEncoding.Float32, WavSample.Float64),
            (6, 8) => (SampleEncoding.ALaw, WavSample.AsIs),
            (7, 8) => (SampleEncoding.MuLaw, WavSample.AsIs),
            _ => throw new AudioFormatException(
                $"The WAV file has format tag {tag} with {bits} bits per sample; "
                + "PCM 8, 16, 24, 32, float 32, 64, A-law and µ-law are read."),
        };
        var format = new AudioFormat(sample.Encoding, (int)Math.Min(rate, int.MaxValue), channels);
        format.Validate();
        return align == channels * bits / 8
            ? (format, sample.Stored)
            : throw new AudioFormatException(
                $"The WAV file has a block align of {align} bytes; {channels} channel(s) of {bits} bits make {channels * bits / 8}.");
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

    private static async ValueTask SkipAsync(Stream stream, long count, string name, CancellationToken cancellationToken)
    {
        var buffer = new byte[Math.Min(count, 64 << 10)];
        while (count > 0)
        {
            var read = await stream.ReadAsync(
                buffer.AsMemory(0, (int)Math.Min(count, buffer.Length)), cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                throw new AudioFormatException($"The WAV file ends inside its '{name}' chunk, before any audio.");
            }
            count -= read;
        }
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
