using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Evaluation.Niah;

/// <summary>Counts for each label how often it comes on where there is nothing but haystack.</summary>
/// <param name="labels">Indices of those that are counted.</param>
/// <param name="score">Chunk score from which a label is on, 0 to 1.</param>
internal sealed class FalseAlarms(int[] labels, float score)
{
    private readonly bool[] _on = new bool[labels.Length];
    private readonly long[] _counts = new long[labels.Length];

    /// <param name="chunk">The next one.</param>
    /// <param name="outside">Whether it lies away from the needle.</param>
    public void Add(ChunkScores chunk, bool outside)
    {
        for (var i = 0; i < labels.Length; i++)
        {
            var on = chunk.Scores[labels[i]] >= score;
            _counts[i] += outside && on && !_on[i] ? 1 : 0;
            _on[i] = on;
        }
    }

    /// <summary>Whether the same labels are on.</summary>
    public bool HasSameOn(FalseAlarms other) => _on.AsSpan().SequenceEqual(other._on);

    /// <summary>Of all labels but those that are there.</summary>
    public long Count(IReadOnlySet<int> there) =>
        labels.Index().Where(label => !there.Contains(label.Item)).Sum(label => _counts[label.Index]);

    public FalseAlarms Copy()
    {
        var copy = new FalseAlarms(labels, score);
        _on.CopyTo(copy._on, 0);
        _counts.CopyTo(copy._counts, 0);
        return copy;
    }

    /// <summary>As if what has come since then had come <paramref name="times"/> times more.</summary>
    public void Repeat(FalseAlarms since, long times)
    {
        for (var i = 0; i < labels.Length; i++)
        {
            _counts[i] += times * (_counts[i] - since._counts[i]);
        }
    }
}
