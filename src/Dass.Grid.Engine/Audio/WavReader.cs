using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Dass.Grid.Engine.Audio;

/// <summary>
/// A WAV file or pipe: PCM of 8 to 32 bits, float 32, 64, A-law, µ-law; plain, extensible, RIFX, RF64 and BW64; of known or unknown length.
/// Reads forward only and holds no more than the caller's buffer. More than 8 channels become one, their mean.
/// </summary>
public sealed class WavReader : IAudioSource
{
    /// <summary>Bytes of a file that <see cref="IsWav"/> looks at.</summary>
    public const int StartBytes = 12;

    private const int MixedFrames = 256; // at once

    private readonly Stream _stream;
    private readonly RawAudioSource _raw;
    private readonly WavHeader _header;
    private readonly int _storedSampleBytes;
    private readonly int _storedFrameBytes;
    private readonly byte[] _wide; // frames that are mixed
    private long _left; // bytes of audio that the header still promises

    private WavReader(Stream stream, WavHeader header)
    {
        _stream = stream;
        _header = header;
        _storedSampleBytes = header.Stored switch
        {
            WavSample.Unsigned8 => 1,
            WavSample.Float64 => 8,
            _ => header.File.BytesPerSample,
        };
        _storedFrameBytes = _storedSampleBytes * header.File.Channels;
        _wide = header.File == header.Format ? [] : new byte[2 * MixedFrames * _storedFrameBytes];
        // Only the frame size matters to the raw source; 8-byte samples are two 4-byte ones to it.
        _raw = new RawAudioSource(stream, header.Stored switch
        {
            WavSample.Unsigned8 => header.File with { Encoding = SampleEncoding.ALaw },
            WavSample.Float64 => header.File with { Channels = 2 * header.File.Channels },
            _ => header.File,
        });
        _left = header.DataBytes is { } bytes ? bytes / _storedFrameBytes * _storedFrameBytes : long.MaxValue;
    }

    public AudioFormat Format => _header.Format;

    public long? TotalSamples => _header.DataBytes / _storedFrameBytes;

    /// <summary>The file ended before the audio that its header promises; what was there has been read.</summary>
    public bool Truncated { get; private set; }

    /// <summary>Whether a file is a WAV file by its first bytes. AVI, WebP and others are RIFF, too.</summary>
    /// <param name="start">Its first <see cref="StartBytes"/> bytes; fewer: it ends there, maybe within a WAV file's header.</param>
    public static bool IsWav(ReadOnlySpan<byte> start) =>
        (start.StartsWith("RIFF"u8) || start.StartsWith("RIFX"u8) || start.StartsWith("RF64"u8) || start.StartsWith("BW64"u8))
        && (start.Length < StartBytes || start[8..].StartsWith("WAVE"u8));

    /// <summary>Reads up to the first sample.</summary>
    /// <param name="stream">Becomes the reader's. Need not seek.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    /// <exception cref="AudioFormatException">Not a WAV file, or one that breaks a rule.</exception>
    public static async Task<WavReader> OpenAsync(Stream stream, CancellationToken cancellationToken) =>
        new(stream, await WavHeader.ReadAsync(stream, cancellationToken).ConfigureAwait(false));

    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (_wide.Length == 0)
        {
            return await ReadStoredAsync(
                buffer, buffer.Length / Math.Max(_storedFrameBytes, Format.BytesPerFrame), cancellationToken).ConfigureAwait(false);
        }
        var frames = Math.Min(MixedFrames, buffer.Length / Format.BytesPerFrame);
        var read = await ReadStoredAsync(_wide, frames, cancellationToken).ConfigureAwait(false) / _header.File.BytesPerFrame;
        LevelTally level = default; // is taken of what the reader hands out
        SampleDecoder.Decode(
            _header.File, _wide.AsSpan(0, read * _header.File.BytesPerFrame), MemoryMarshal.Cast<byte, float>(buffer.Span)[..read],
            ref level);
        return read * Format.BytesPerFrame;
    }

    /// <summary>Frames in the file's own channels.</summary>
    private async ValueTask<int> ReadStoredAsync(Memory<byte> buffer, long most, CancellationToken cancellationToken)
    {
        var stored = (int)Math.Min(most, _left / _storedFrameBytes) * _storedFrameBytes;
        if (stored == 0)
        {
            return 0;
        }
        var read = await _raw.ReadAsync(buffer[..stored], cancellationToken).ConfigureAwait(false);
        if (read == 0)
        {
            Truncated = _header.DataBytes is not null;
            _left = 0;
            return 0;
        }
        if (_header.DataBytes is not null)
        {
            _left -= read;
        }
        if (_header.BigEndian && _storedSampleBytes > 1)
        {
            for (var i = 0; i < read; i += _storedSampleBytes)
            {
                buffer.Span.Slice(i, _storedSampleBytes).Reverse();
            }
        }
        return _header.Stored switch
        {
            WavSample.Unsigned8 => Widen(buffer.Span, read),
            WavSample.Float64 => Narrow(buffer.Span, read),
            _ => read,
        };
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    /// <summary>Unsigned 8 bits to PCM16 in place, from the end because it grows.</summary>
    private static int Widen(Span<byte> buffer, int count)
    {
        for (var i = count - 1; i >= 0; i--)
        {
            BinaryPrimitives.WriteInt16LittleEndian(buffer[(2 * i)..], (short)((buffer[i] - 128) << 8));
        }
        return 2 * count;
    }

    private static int Narrow(Span<byte> buffer, int bytes)
    {
        for (var i = 0; i < bytes / 8; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(buffer[(4 * i)..], (float)BinaryPrimitives.ReadDoubleLittleEndian(buffer[(8 * i)..]));
        }
        return bytes / 2;
    }
}
