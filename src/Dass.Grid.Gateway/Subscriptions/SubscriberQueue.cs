using System.Threading.Channels;

namespace Dass.Grid.Gateway.Subscriptions;

/// <summary>What a subscriber is told: chunks, a gap, another model, or that the stream has chunks up to an index.</summary>
internal readonly record struct Word(ChunkTags? Chunk, StreamGap? Gap, ModelChange? Change, long NextChunk);

/// <summary>What waits for one subscriber. When it is full the oldest chunk goes; the reader sees the gap in the indices and asks the stream for it.</summary>
internal sealed class SubscriberQueue(int capacity)
{
    private readonly Channel<Word> _words = Channel.CreateBounded<Word>(
        new BoundedChannelOptions(capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    /// <summary>Set before the words complete.</summary>
    public StreamEnd? End { get; private set; }

    public void Offer(ChunkTags chunk) => _words.Writer.TryWrite(new Word(chunk, null, null, chunk.Index + 1));

    public void Offer(StreamGap gap) => _words.Writer.TryWrite(new Word(null, gap, null, gap.NextChunk));

    public void Offer(ModelChange change) => _words.Writer.TryWrite(new Word(null, null, change, change.NextChunk));

    /// <summary>Whatever the subscriber lacks of the chunks before <paramref name="nextChunk"/> it has to ask the stream for.</summary>
    public void Remind(long nextChunk) => _words.Writer.TryWrite(new Word(null, null, null, nextChunk));

    public void Complete(StreamEnd end)
    {
        End ??= end;
        _words.Writer.TryComplete();
    }

    public IAsyncEnumerable<Word> ReadAllAsync(CancellationToken cancellationToken) => _words.Reader.ReadAllAsync(cancellationToken);
}
