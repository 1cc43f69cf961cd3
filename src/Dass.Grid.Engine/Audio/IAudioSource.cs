namespace Dass.Grid.Engine.Audio;

/// <summary>Raw audio of known format, read once from beginning to end.</summary>
public interface IAudioSource : IAsyncDisposable
{
    AudioFormat Format { get; }

    /// <summary>Samples per channel in all, or null when it is known only at the end. A damaged source may hold fewer.</summary>
    long? TotalSamples { get; }

    /// <summary>Reads whole frames.</summary>
    /// <param name="buffer">Room for at least one frame.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    /// <returns>Bytes read, a multiple of <see cref="AudioFormat.BytesPerFrame"/>; 0 at the end.</returns>
    /// <exception cref="AudioFormatException">The source turned out to be damaged.</exception>
    ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken);
}

/// <summary>Raw bytes without a header, such as a pipe from another program. A torn last frame is dropped.</summary>
/// <param name="stream">Becomes the source's.</param>
/// <param name="format">What the bytes are.</param>
public sealed class RawAudioSource(Stream stream, AudioFormat format) : IAudioSource
{
    public AudioFormat Format => format;

    public long? TotalSamples => null;

    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var wanted = buffer.Length / format.BytesPerFrame * format.BytesPerFrame;
        // A live pipe gives little at a time: hand on what is there instead of filling the buffer, but never a part of a frame.
        var read = await stream.ReadAtLeastAsync(
            buffer[..wanted], Math.Min(format.BytesPerFrame, wanted), throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        var torn = read % format.BytesPerFrame;
        if (torn != 0)
        {
            read += await stream.ReadAtLeastAsync(
                buffer.Slice(read, format.BytesPerFrame - torn), format.BytesPerFrame - torn, throwOnEndOfStream: false,
                cancellationToken).ConfigureAwait(false);
        }
        return read / format.BytesPerFrame * format.BytesPerFrame;
    }

    public ValueTask DisposeAsync() => stream.DisposeAsync();
}
