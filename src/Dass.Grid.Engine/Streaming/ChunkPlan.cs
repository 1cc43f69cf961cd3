namespace Dass.Grid.Engine.Streaming;

/// <summary>How long a stream's chunks are, by the place where they begin: the same audio gives the same chunks by the same plan.</summary>
/// <param name="Chunk">Of chunks that begin before <paramref name="FromFrame"/>: as in <see cref="StreamSessionOptions.Chunk"/>.</param>
/// <param name="Next">Of the others.</param>
/// <param name="FromFrame">Of 10 ms, counted from the session's first.</param>
public sealed record ChunkPlan(TimeSpan Chunk, TimeSpan Next, long FromFrame)
{
    internal TimeSpan At(long frame) => frame < FromFrame ? Chunk : Next;
}
