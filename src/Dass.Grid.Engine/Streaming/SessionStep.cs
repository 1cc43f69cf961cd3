using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Engine.Streaming;

/// <summary>A session's step.</summary>
internal sealed class SessionStep(StateSlot slot, DassConfig config, TagPool pool, StepShare share) : QueuedStep(slot, config, share)
{
    /// <summary>End of the chunk in stream time; set before the step.</summary>
    public double EndSeconds { get; set; }

    /// <summary>The scores of the step, once it has run: for its caller's thread, since one device thread may step thousands of
    /// streams.</summary>
    public ChunkScores Score() => pool.Add(ColumnSums, Committed, EndSeconds);

    protected internal override void OnStepped()
    {
    }
}
