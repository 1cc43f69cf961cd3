using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Dass.Grid.Gateway.Subscriptions;

/// <summary>
/// What a subscriber receives: a chunk, a gap, another model, a lost source, or the index that the stream has chunks up to.
/// </summary>
internal readonly record struct SubscriberItem(ChunkTags? Chunk, StreamGap? Gap, ModelChange? Change, long NextChunk)
{
    /// <summary>The stream gets no audio. May come more than once.</summary>
    public SoundEvent? Lost { get; init; }

    /// <summary>The trace of the chunk.</summary>
    public ActivityContext Trace { get; init; }
}

/// <summary>
/// What waits for one subscriber. When it is full the oldest chunk goes; the reader sees the gap in the indices and asks the stream for it.
/// Gaps, model changes and lost sources cannot be asked for again, so these notices wait beside the chunks.
/// </summary>
internal sealed class SubscriberQueue(int capacity)
{
    private const int MaxNotices = 64;

    private readonly ConcurrentQueue<SubscriberItem> _notices = new(); // gaps, other models, lost sources
    private readonly Channel<SubscriberItem> _items = Channel.CreateBounded<SubscriberItem>(
        new BoundedChannelOptions(capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    /// <summary>Set before the items complete.</summary>
    public StreamEnd? End { get; private set; }

    /// <summary>Items that wait.</summary>
    public int Count => _items.Reader.Count;

    public void Offer(ChunkTags chunk, ActivityContext trace = default) =>
        _items.Writer.TryWrite(new SubscriberItem(chunk, null, null, chunk.Index + 1) { Trace = trace });

    public void Offer(StreamGap gap) => Offer(new SubscriberItem(null, gap, null, gap.NextChunk));

    public void Offer(ModelChange change) => Offer(new SubscriberItem(null, null, change, change.NextChunk));

    public void Offer(SoundEvent lost, long nextChunk) => Offer(new SubscriberItem(null, null, null, nextChunk) { Lost = lost });

    /// <summary>What the subscriber lacks of the chunks before <paramref name="nextChunk"/> it then asks the stream for.</summary>
    public void Remind(long nextChunk) => _items.Writer.TryWrite(new SubscriberItem(null, null, null, nextChunk));

    public void Complete(StreamEnd end)
    {
        End ??= end;
        _items.Writer.TryComplete();
    }

    /// <summary>Each notice comes before the first chunk that it concerns.</summary>
    public async IAsyncEnumerable<SubscriberItem> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var item in _items.Reader.ReadAllAsync(cancellationToken))
        {
            var next = item.Chunk?.Index ?? item.NextChunk;
            while (_notices.TryPeek(out var notice) && notice.NextChunk <= next && _notices.TryDequeue(out notice))
            {
                yield return notice;
            }
            yield return item;
        }
        while (_notices.TryDequeue(out var notice))
        {
            yield return notice;
        }
    }

    private void Offer(SubscriberItem notice)
    {
        _notices.Enqueue(notice); // before any chunk that it concerns
        if (_notices.Count > MaxNotices)
        {
            _notices.TryDequeue(out _);
        }
        Remind(notice.NextChunk);
    }
}
