namespace Dass.Grid.Engine.Streaming;

/// <summary>
/// When a stream steps, and over how many frames: chunks of C committed frames with L frames of look-ahead, less look-ahead where the audio
/// ends, and a tail.
/// </summary>
/// <param name="Chunk">C, a multiple of 32; <see cref="int.MaxValue"/> for one step over everything at the end.</param>
/// <param name="LookAhead">L.</param>
internal readonly record struct ChunkSchedule(int Chunk, int LookAhead)
{
    /// <summary>The next step's shape, or 0 frames when it must wait for more audio.</summary>
    /// <param name="available">Frames that wait.</param>
    /// <param name="ended">Whether no more will come.</param>
    public (int Frames, int Committed) Next(int available, bool ended)
    {
        if (available >= (long)Chunk + LookAhead)
        {
            return (Chunk + LookAhead, Chunk);
        }
        return ended ? (available, Math.Min(available, Chunk)) : (0, 0);
    }
}
