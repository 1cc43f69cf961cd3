using System.Buffers.Binary;

namespace Dass.Grid.Engine.Audio;

/// <summary>
/// A WAV file or pipe: PCM 8, 16, 24, 32, float 32, 64, A-law, µ-law; plain, extensible, RF64 and BW64; of known or unknown length. Reads
/// forward only and holds no more than the caller's buffer.
/// </summary>
public sealed class WavReader : IAudioSource
{
    private readonly Stream _stream;
    private readonly RawAudioSource _raw;
    private readonly WavHeader _header;
    private readonly int _storedFrameBytes;
    private long _left; // bytes of audio that the header still promises

    private WavReader(Stream stream, WavHeader header)
    {
        _stream = stream;
        _header = header;
        var storedSampleBytes = header.Stored switch
        {
            WavSample.Unsigned8 => 1,
            WavSample.Float64 => 8,
            _ => header.Format.BytesPerSample,
        };
        _storedFrameBytes = storedSampleBytes * header.Format.Channels;
        // Only the frame size matters to the raw source; 8-byte samples are two 4-byte ones to it.
        _raw = new RawAudioSource(stream, header.Stored switch
        {
            WavSample.Unsigned8 => header.Format with { Encoding = SampleEncoding.ALaw },
            WavSample.Float64 => header.Format with { Channels = 2 * header.Format.Channels },
            _ => header.Format,
        });
        _left = header.DataBytes is { } bytes ? bytes / _storedFrameBytes * _storedFrameBytes : long.MaxValue;
    }

    public AudioFormat Format => _header.Format;

    public long? TotalSamples => _header.DataBytes / _storedFrameBytes;

    /// <summary>The file ended before the audio that its header promises; what was there has been read.</summary>
    public bool Truncated { get; private set; }

    /// <summary>Reads up to the first sample.</summary>
    /// <param name="stream">Becomes the reader's. Need not seek.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    /// <exception cref="AudioFormatException">Not a WAV file, or one that breaks a rule.</exception>
    public static async Task<WavReader> OpenAsync(Stream stream, CancellationToken cancellationToken) =>
        new(stream, await WavHeader.ReadAsync(stream, cancellationToken).ConfigureAwait(false));

    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var frames = Math.Min(buffer.Length / Math.Max(_storedFrameBytes, Format.BytesPerFrame), _left / _storedFrameBytes);
        var stored = (int)frames * _storedFrameBytes;
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
