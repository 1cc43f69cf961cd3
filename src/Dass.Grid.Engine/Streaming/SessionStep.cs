using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Engine.Streaming;

/// <summary>A session's step: on the device thread its token sums become scores.</summary>
internal sealed class SessionStep(StateSlot slot, DassConfig config, TagPool pool, StepShare share) : QueuedStep(slot, config, share)
{
    /// <summary>End of the chunk in stream time; set before the step.</summary>
    public double EndSeconds { get; set; }

    /// <summary>The scores of the last step.</summary>
    public ChunkScores? Chunk { get; private set; }

    protected internal override void OnStepped() => Chunk = pool.Add(ColumnSums, Committed, EndSeconds);
}
