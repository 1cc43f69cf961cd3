using Dass.Grid.Engine.Streaming;

namespace Dass.Grid.Grains.Sessions;

/// <summary>
/// Longer chunks, within a stream's latency budget, while its device is busy: a step of C + L frames commits C, so the longer the chunk,
/// the less of the work is look-ahead.
/// </summary>
/// <remarks>
/// A change of the length goes into a checkpoint, for a place in the stream's future, and holds only once the store has that checkpoint:
/// the silo that takes the stream up after a failure then makes the same chunks. That silo changes nothing in the audio of which clients
/// may have been told already: see <see cref="Replay"/>.
/// </remarks>
internal static class ChunkPlanning
{
    public static readonly TimeSpan Frame = TimeSpan.FromMilliseconds(10);

    /// <summary>Share of time in which the device runs batches, from which on chunks get longer.</summary>
    private const double Busy = 0.85;

    /// <summary>The share, after all chunks have got shorter again, that leaves the device room.</summary>
    private const double Calm = 0.75;

    /// <summary>Audio that a feeder's gateway keeps for a stream at most: the default of <c>Grid:Gateway:RetainedBytes</c>.</summary>
    private const int RetainedBytes = 8 << 20;

    private static readonly TimeSpan LeastReplay = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10.24);

    /// <summary>Audio between a checkpoint and a change that it holds, in which the store may answer.</summary>
    private static readonly TimeSpan Ahead = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Frames behind the store's checkpoint in which clients may have been told of chunks, since a stream gets no further ahead of its
    /// checkpoint than its feeder can send again.
    /// </summary>
    public static long Replay(StreamShape shape)
    {
        var kept = TimeSpan.FromSeconds((double)RetainedBytes / shape.BytesPerFrame / shape.Format.SampleRateHz);
        return (long)((kept > LeastReplay ? kept : LeastReplay) / Frame);
    }

    /// <returns>Why a stream cannot have the budget, or null.</returns>
    public static Refusal? Check(TimeSpan? budget, TimeSpan chunk, TimeSpan lookAhead) => budget < chunk + lookAhead
        ? new Refusal(
            RefusalCode.InvalidRequest,
            $"latency_budget is {budget.Value.TotalSeconds:0.###} s; at least chunk and look_ahead together, "
            + $"{(chunk + lookAhead).TotalSeconds:0.###} s.")
        : null;

    /// <summary>Chunks twice or half as long as now, where that helps.</summary>
    /// <param name="now">The plan by which the stream steps.</param>
    /// <param name="shape">The stream's: its chunk is the shortest.</param>
    /// <param name="budget">See <see cref="StreamSpec.LatencyBudget"/>.</param>
    /// <param name="busy">Share of time in which the device runs batches, 0 to 1.</param>
    /// <param name="frame">Where the stream's next chunk begins.</param>
    /// <returns>Null: as now, or a change has yet to come.</returns>
    public static ChunkPlan? Change(ChunkPlan now, StreamShape shape, TimeSpan? budget, double busy, long frame)
    {
        var (chunk, most) = (now.Next, (budget ?? default) - shape.LookAhead);
        most = most < Longest ? most : Longest;
        var next = chunk > shape.Chunk && (chunk > most || busy * Cost(chunk / 2) / Cost(chunk) < Calm) ? chunk / 2
            : 2 * chunk <= most && busy >= Busy ? 2 * chunk
            : chunk;
        return next == chunk || frame < now.FromFrame ? null : new ChunkPlan(chunk, next, frame + (long)(Ahead / Frame));

        double Cost(TimeSpan length) => (length + shape.LookAhead) / length;
    }
}
