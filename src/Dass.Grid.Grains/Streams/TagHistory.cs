namespace Dass.Grid.Grains.Streams;

/// <summary>
/// The last chunks of a stream, for readers that come late. Chunks are added in order; after a gap of the stream, indices are missing.
/// </summary>
internal sealed class TagHistory(int capacity)
{
    // Grows with the stream up to the capacity: most streams of a grid are young.
    private readonly Queue<ChunkTags> _kept = new();

    /// <summary>Chunks that were ever added: the index of the next one.</summary>
    public long NextChunk { get; private set; }

    /// <summary>The last chunk; null: none is kept.</summary>
    public ChunkTags? Newest { get; private set; }

    /// <summary>Up to <paramref name="count"/> of the last chunks, oldest first.</summary>
    public ChunkTags[] Last(int count) => [.. _kept.Skip(Math.Max(0, _kept.Count - count))];

    /// <summary>Begins anew with the chunks of a checkpoint; <paramref name="nextChunk"/> may lie behind a gap after them.</summary>
    public void Restore(IEnumerable<ChunkTags> chunks, long nextChunk)
    {
        _kept.Clear();
        Newest = null;
        foreach (var chunk in chunks)
        {
            Add(chunk);
        }
        NextChunk = nextChunk;
    }

    public void Add(ChunkTags tags)
    {
        if (_kept.Count == capacity)
        {
            _kept.Dequeue();
        }
        _kept.Enqueue(tags);
        Newest = tags;
        NextChunk = tags.Index + 1;
    }

    /// <summary>Up to <paramref name="count"/> kept chunks from <paramref name="fromChunk"/> on.</summary>
    public TagPage Page(long fromChunk, int count) => new([.. _kept.SkipWhile(chunk => chunk.Index < fromChunk).Take(count)], NextChunk);
}
