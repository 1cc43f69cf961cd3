namespace Dass.Grid.Engine.Streaming;

/// <summary>
/// One owner's part of a device. Under load each owner whose steps wait gets device time in proportion to its weight, however many streams
/// it has.
/// </summary>
/// <remarks>The list and the virtual time belong to one <see cref="StepQueue"/> and are touched under its lock.</remarks>
public sealed class StepShare
{
    private double _weight = 1;
    private QueuedStep? _last;

    /// <summary>Device time in relation to other owners, 0.01 to 100. Default: 1. Another value counts from the next step on.</summary>
    public double Weight
    {
        get => Volatile.Read(ref _weight);
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 0.01);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 100);
            Volatile.Write(ref _weight, value);
        }
    }

    /// <summary>Frames that have been stepped for the owner, each divided by the weight, on the scale of the queue's own clock.</summary>
    internal double VirtualTime { get; set; }

    /// <summary>The waiting step that is due first.</summary>
    internal QueuedStep? First { get; private set; }

    internal void Add(QueuedStep step)
    {
        var before = _last;
        while (before is not null && before.DueAt > step.DueAt)
        {
            before = before.PreviousOfShare; // steps come nearly in the order in which they are due: this is short
        }
        step.PreviousOfShare = before;
        step.NextOfShare = before is null ? First : before.NextOfShare;
        Link(step, step, at: step);
    }

    internal void Remove(QueuedStep step)
    {
        Link(step.NextOfShare, step.PreviousOfShare, at: step);
        (step.PreviousOfShare, step.NextOfShare) = (null, null);
    }

    // Tells the neighbours of a place in the list, or its ends, what comes next and before them.
    private void Link(QueuedStep? next, QueuedStep? previous, QueuedStep at)
    {
        if (at.PreviousOfShare is { } before)
        {
            before.NextOfShare = next;
        }
        else
        {
            First = next;
        }
        if (at.NextOfShare is { } after)
        {
            after.PreviousOfShare = previous;
        }
        else
        {
            _last = previous;
        }
    }
}
