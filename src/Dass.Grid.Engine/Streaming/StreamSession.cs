using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Engine.Streaming;

/// <summary>One stream: audio bytes in, tags out. Not thread-safe: one call at a time.</summary>
public sealed class StreamSession : IDisposable
{
    /// <summary>Samples per channel that have been taken in, at the stream's own rate: where the next push begins.</summary>
    public long AppliedSamples => throw new NotImplementedException();

    /// <summary>Takes in audio and tags every chunk that has become complete.</summary>
    /// <param name="audio">Whole frames in the stream's format (a multiple of <c>BytesPerFrame</c>); not kept after the call.</param>
    /// <param name="tags">Receives the new chunks.</param>
    /// <param name="cancellationToken">Stops waiting between steps; audio that was taken in stays taken in.</param>
    /// <exception cref="AudioFormatException">A torn frame, or a sample that is not finite; the message names its position. Nothing has changed.</exception>
    /// <exception cref="StepQueueFullException">The device is too busy. The audio is taken in; its tags follow with a later push.</exception>
    public ValueTask PushAsync(ReadOnlyMemory<byte> audio, List<TagChunk> tags, CancellationToken cancellationToken) =>
        throw new NotImplementedException();

    /// <summary>Ends the stream: tags what is left, including a tail that is shorter than a chunk. Further pushes throw <see cref="InvalidOperationException"/>.</summary>
    public ValueTask CompleteAsync(List<TagChunk> tags, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>What has been heard so far.</summary>
    public StreamSummary Summary() => throw new NotImplementedException();

    /// <summary>Gives the slot back.</summary>
    public void Dispose() => throw new NotImplementedException();
}
