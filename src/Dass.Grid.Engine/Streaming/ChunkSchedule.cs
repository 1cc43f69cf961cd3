namespace Dass.Grid.Engine.Streaming;

/// <summary>How a stream's frames become steps: C committed frames with up to L frames of look-ahead at a time.</summary>
/// <param name="Committed">C, a multiple of 32 frames.</param>
/// <param name="LookAhead">L, 0 or more frames.</param>
public readonly record struct ChunkSchedule(int Committed, int LookAhead)
{
    /// <summary>
    /// The next step's window and its committed part in frames, or null while more frames must come. Before the end a step waits for all its look-ahead;
    /// after the end it takes what there is, so only the last step commits less than C and it has no look-ahead.
    /// </summary>
    /// <param name="available">Frames that are not yet committed.</param>
    /// <param name="ended">No more frames will come.</param>
    public (int Frames, int Committed)? Next(long available, bool ended)
    {
        var window = (long)Committed + LookAhead;
        return available >= window ? ((int)window, Committed)
            : ended && available > 0 ? ((int)available, (int)Math.Min(available, Committed))
            : null;
    }
}
