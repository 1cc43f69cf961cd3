using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Dass.Grid.Gateway.Subscriptions;

/// <summary>What a subscriber is told: chunks, a gap, another model, or that the stream has chunks up to an index.</summary>
internal readonly record struct SubscriberItem(ChunkTags? Chunk, StreamGap? Gap, ModelChange? Change, long NextChunk);

/// <summary>
/// What waits for one subscriber. When it is full the oldest chunk goes; the reader sees the gap in the indices and asks the stream for it. Nobody can be asked
/// again for a gap or another model, so these wait beside the chunks.
/// </summary>
internal sealed class SubscriberQueue(int capacity)
{
    private const int MaxNews = 64;

    private readonly ConcurrentQueue<SubscriberItem> _news = new(); // gaps and other models
    private readonly Channel<SubscriberItem> _words = Channel.CreateBounded<SubscriberItem>(
        new BoundedChannelOptions(capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    /// <summary>Set before the words complete.</summary>
    public StreamEnd? End { get; private set; }

    public void Offer(ChunkTags chunk) => _words.Writer.TryWrite(new SubscriberItem(chunk, null, null, chunk.Index + 1));

    public void Offer(StreamGap gap) => Offer(new SubscriberItem(null, gap, null, gap.NextChunk));

    public void Offer(ModelChange change) => Offer(new SubscriberItem(null, null, change, change.NextChunk));

    /// <summary>Whatever the subscriber lacks of the chunks before <paramref name="nextChunk"/> it has to ask the stream for.</summary>
    public void Remind(long nextChunk) => _words.Writer.TryWrite(new SubscriberItem(null, null, null, nextChunk));

    public void Complete(StreamEnd end)
    {
        End ??= end;
        _words.Writer.TryComplete();
    }

    /// <summary>Each piece of news comes before the first chunk that it concerns.</summary>
    public async IAsyncEnumerable<SubscriberItem> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var word in _words.Reader.ReadAllAsync(cancellationToken))
        {
            var next = word.Chunk?.Index ?? word.NextChunk;
            while (_news.TryPeek(out var news) && news.NextChunk <= next && _news.TryDequeue(out news))
            {
                yield return news;
            }
            yield return word;
        }
        while (_news.TryDequeue(out var news))
        {
            yield return news;
        }
    }

    private void Offer(SubscriberItem news)
    {
        _news.Enqueue(news); // before any chunk that it concerns
        if (_news.Count > MaxNews)
        {
            _news.TryDequeue(out _);
        }
        Remind(news.NextChunk);
    }
}
