namespace Dass.Grid.Grains.Streams;

/// <summary>The last chunks of a stream, for readers that come late. Chunks are added in order, without gaps.</summary>
internal sealed class TagHistory(int capacity)
{
    // Grows with the stream up to the capacity: most streams of a grid are young.
    private readonly Queue<ChunkTags> _kept = new();

    /// <summary>Chunks that were ever added: the index of the next one.</summary>
    public long NextChunk { get; private set; }

    public void Add(ChunkTags tags)
    {
        if (_kept.Count == capacity)
        {
            _kept.Dequeue();
        }
        _kept.Enqueue(tags);
        NextChunk = tags.Index + 1;
    }

    /// <summary>Up to <paramref name="count"/> kept chunks from <paramref name="fromChunk"/> on.</summary>
    public TagPage Page(long fromChunk, int count)
    {
        var oldest = NextChunk - _kept.Count;
        var skip = (int)Math.Clamp(fromChunk - oldest, 0, _kept.Count);
        return new TagPage([.. _kept.Skip(skip).Take(count)], NextChunk);
    }
}
