using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Engine.Tags;

/// <summary>The scores of one step.</summary>
/// <param name="Index">Place in the stream, from 0.</param>
/// <param name="StartSeconds">Begin of the chunk in stream time.</param>
/// <param name="EndSeconds">End of the chunk in stream time.</param>
/// <param name="Scores">Scores over the chunk alone, 0 to 1, in label order.</param>
/// <param name="WindowScores">Scores over the trailing window that ends with the chunk (10.24 s, or all of a younger stream), in label
/// order.</param>
public sealed record ChunkScores(long Index, double StartSeconds, double EndSeconds, float[] Scores, float[] WindowScores)
{
    /// <summary>How loud the chunk is. Null: all of it was lost, or a session that had waited in a snapshot does not know.</summary>
    public AudioLevel? Level { get; init; }

    /// <summary>See <see cref="Features.Spectrogram"/>; empty of a chunk that had waited in a snapshot.</summary>
    public byte[] Spectrogram { get; init; } = [];
}

/// <summary>The scores of a stream so far.</summary>
/// <param name="DurationSeconds">Audio that has been tagged.</param>
/// <param name="Chunks">Chunks that have been tagged.</param>
/// <param name="Mean">Scores over the whole stream: the head on the mean over all tokens. In label order; empty before the first
/// chunk.</param>
/// <param name="Max">The highest score of a full trailing window (of the only one, while the stream is younger), in label order; empty
/// before the first chunk.</param>
public sealed record StreamSummary(double DurationSeconds, long Chunks, float[] Mean, float[] Max);
