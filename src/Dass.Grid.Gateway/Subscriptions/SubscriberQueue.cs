using System.Threading.Channels;

namespace Dass.Grid.Gateway.Subscriptions;

/// <summary>What waits for one subscriber. When it is full the oldest chunk goes; the reader sees the gap in the indices and asks the stream for it.</summary>
internal sealed class SubscriberQueue(int capacity)
{
    private readonly Channel<ChunkTags> _chunks = Channel.CreateBounded<ChunkTags>(
        new BoundedChannelOptions(capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    /// <summary>Set before the chunks complete.</summary>
    public StreamEnd? End { get; private set; }

    public void Offer(ChunkTags chunk) => _chunks.Writer.TryWrite(chunk);

    public void Complete(StreamEnd end)
    {
        End ??= end;
        _chunks.Writer.TryComplete();
    }

    public IAsyncEnumerable<ChunkTags> ReadAllAsync(CancellationToken cancellationToken) => _chunks.Reader.ReadAllAsync(cancellationToken);
}
