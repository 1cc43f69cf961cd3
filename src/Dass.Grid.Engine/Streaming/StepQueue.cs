using System.Numerics;

namespace Dass.Grid.Engine.Streaming;

/// <summary>
/// The steps that wait, oldest first, and the rule by which they become batches: the oldest step, once it has waited long enough, takes
/// along those of its shape; before that, any shape with a full batch goes. So a rare shape waits for the maximum wait and for older steps,
/// never for younger ones. Not thread-safe; times are in ticks of any one clock.
/// </summary>
internal sealed class StepQueue(int maxBatch, long maxWait)
{
    private readonly Dictionary<(int Frames, int Committed), int> _counts = [];
    private QueuedStep? _youngest;

    /// <summary>The step that has waited longest; null when none waits.</summary>
    public QueuedStep? Oldest { get; private set; }

    public int Count { get; private set; }

    /// <summary>When the oldest step will have waited long enough. Meaningful while <see cref="Count"/> is above 0.</summary>
    public long Deadline => Oldest!.EnqueuedAt + maxWait;

    /// <summary>Appends a step.</summary>
    /// <returns>Whether a thread has something new to do: there is a first deadline, or a batch is full.</returns>
    public bool Add(QueuedStep step, long now)
    {
        step.State = QueuedStepState.Waiting;
        step.EnqueuedAt = now;
        (step.Previous, step.Next) = (_youngest, null);
        if (_youngest is null)
        {
            Oldest = step;
        }
        else
        {
            _youngest.Next = step;
        }
        _youngest = step;
        Count++;
        var ofShape = _counts[Shape(step)] = _counts.GetValueOrDefault(Shape(step)) + 1;
        return Count == 1 || ofShape % maxBatch == 0;
    }

    public void Remove(QueuedStep step)
    {
        if (step.Previous is null)
        {
            Oldest = step.Next;
        }
        else
        {
            step.Previous.Next = step.Next;
        }
        if (step.Next is null)
        {
            _youngest = step.Previous;
        }
        else
        {
            step.Next.Previous = step.Previous;
        }
        (step.Previous, step.Next) = (null, null);
        step.State = QueuedStepState.Idle;
        Count--;
        if (--_counts[Shape(step)] == 0)
        {
            _counts.Remove(Shape(step)); // tails have any length: the table must not grow with the shapes that have been
        }
    }

    /// <summary>Moves the next batch, if one is due, into <paramref name="batch"/>.</summary>
    /// <param name="now">The time.</param>
    /// <param name="freeThreads">Threads that could run a batch now; a batch leaves work for them.</param>
    /// <param name="batch">Receives the steps of equal shape; room for the maximum batch.</param>
    /// <returns>The batch's size, a power of two, or 0.</returns>
    public int Take(long now, int freeThreads, Span<QueuedStep> batch)
    {
        var first = Oldest;
        if (first is not null && now < Deadline)
        {
            while (first is not null && _counts[Shape(first)] < maxBatch)
            {
                first = first.Next;
            }
        }
        if (first is null)
        {
            return 0;
        }

        var waiting = Math.Min(_counts[Shape(first)], maxBatch);
        var share = (waiting + freeThreads - 1) / freeThreads;
        var size = 1 << BitOperations.Log2((uint)share);
        var next = first;
        for (var taken = 0; taken < size; taken++)
        {
            while (!next!.HasShapeOf(first))
            {
                next = next.Next;
            }
            var step = next;
            next = next.Next;
            batch[taken] = step;
        }
        foreach (var step in batch[..size])
        {
            Remove(step);
            step.State = QueuedStepState.Running;
        }
        return size;
    }

    private static (int Frames, int Committed) Shape(QueuedStep step) => (step.Frames, step.Committed);
}
