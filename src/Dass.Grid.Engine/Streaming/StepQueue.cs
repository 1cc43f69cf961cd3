using System.Numerics;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Streaming;

/// <summary>
/// The steps that wait, and the rule by which they become batches. When: once the oldest step has waited long enough, or a shape has a full
/// batch. Which: live steps before those of streams that catch up; of each kind, those of the owner that has had the least of the device
/// for its weight (start-time fair queueing, Goyal 1997); of an owner, the step that is due first. A batch has one shape and one kind.
/// </summary>
/// <remarks>
/// A stream's audio is due at the pace of real time: each step moves the stream's due time on by what it commits. A step is live when it is
/// due, and a stream may be up to <see cref="SlackSeconds"/> ahead of real time and still be live. So every stream, however fast its audio
/// is sent, is live for a second per second, and what goes beyond waits for a device that has nothing live to do. Audio that was stepped
/// ahead of its time is not held against the stream: its next step is due one step later, so a stream that has caught up is live again.
/// Not thread-safe; times are in ticks of any one clock.
/// </remarks>
internal sealed class StepQueue(int maxBatch, int maxCatchUpBatch, long maxWait, long ticksPerSecond, int fullFrames = int.MaxValue)
{
    /// <summary>
    /// Audio that may come faster than real time and still be live: the first of a stream, or what a pause of the network has held up.
    /// </summary>
    public const double SlackSeconds = 5;

    private readonly Dictionary<(int Frames, int Committed), int> _counts = [];
    private readonly List<StepShare> _waiting = []; // owners with steps
    private readonly long _slack = (long)(SlackSeconds * ticksPerSecond);
    private long _maxFrames = (long)maxBatch * fullFrames; // of a batch's streams together: time and memory grow with them
    private double _virtualTime; // of the owner that was served last: where one begins that has had nothing to do
    private QueuedStep? _youngest;

    /// <summary>The step that has waited longest; null when none waits.</summary>
    public QueuedStep? Oldest { get; private set; }

    public int Count { get; private set; }

    /// <summary>When the oldest step will have waited long enough. Meaningful while <see cref="Count"/> is above 0.</summary>
    public long Deadline => Oldest!.EnqueuedAt + maxWait;

    /// <summary>How long live steps have to wait: of the owner whose first one has waited longest. 0: none waits.</summary>
    public long LiveWait(long now)
    {
        var longest = 0L;
        foreach (var owner in _waiting)
        {
            if (owner.First is { } first && IsLive(first, now))
            {
                longest = Math.Max(longest, now - Math.Max(first.EnqueuedAt, first.DueAt));
            }
        }
        return longest;
    }

    /// <summary>Batches of more frames in all are too large for the device, of any shape.</summary>
    public void LimitBatch(int streams, int frames) => _maxFrames = Math.Min(_maxFrames, (long)streams * frames);

    /// <summary>Appends a step.</summary>
    /// <returns>Whether a thread has something new to do: there is a first deadline, or a batch is full.</returns>
    public bool Add(QueuedStep step, long now)
    {
        step.State = QueuedStepState.Waiting;
        step.EnqueuedAt = now;
        step.DueAt = Math.Max(step.DueNext, now - _slack);
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
        if (step.Share.First is null)
        {
            _waiting.Add(step.Share);
            step.Share.VirtualTime = Math.Max(step.Share.VirtualTime, _virtualTime);
        }
        step.Turn = null;
        step.Share.Add(step);
        Lead(step.Share);
        Count++;
        var ofShape = _counts[Shape(step)] = _counts.GetValueOrDefault(Shape(step)) + 1;
        return Count == 1 || ofShape % MaxBatch(step) == 0;
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
        step.Share.Remove(step);
        if (step.Share.First is null)
        {
            _waiting.Remove(step.Share);
        }
        Lead(step.Share);
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
        if (Count == 0)
        {
            return 0;
        }
        var first = Best(now, like: null, fullOnly: now < Deadline);
        if (first is null)
        {
            return 0;
        }
        var share = (CountLike(first, now) + freeThreads - 1) / freeThreads;
        var most = IsLive(first, now) ? MaxBatch(first) : Math.Min(MaxBatch(first), maxCatchUpBatch);
        var size = Math.Min(1 << BitOperations.Log2((uint)share), most);
        for (var taken = 0; taken < size; taken++)
        {
            var step = taken == 0 ? first : Best(now, like: first, fullOnly: false)!;
            batch[taken] = step;
            step.Live = IsLive(step, now);
            step.Waited = now - step.EnqueuedAt;
            _virtualTime = Math.Max(_virtualTime, step.Share.VirtualTime);
            step.Share.VirtualTime += step.Frames / step.Share.Weight;
            Remove(step);
            step.State = QueuedStepState.Running;
            step.DueNext = Math.Min(step.DueAt, now) + (long)(step.Committed * FrameRate.HopSeconds * ticksPerSecond);
        }
        return size;
    }

    private static (int Frames, int Committed) Shape(QueuedStep step) => (step.Frames, step.Committed);

    /// <summary>Most streams of a batch of the step's shape, a power of two.</summary>
    private int MaxBatch(QueuedStep step) =>
        (int)Math.Min(maxBatch, 1L << BitOperations.Log2((ulong)Math.Max(1, _maxFrames / step.Frames)));

    private static bool IsLive(QueuedStep step, long now) => step.DueAt <= now;

    /// <summary>The step whose turn it is: of the shape of <paramref name="like"/>, or of any, or of any that has a full batch.</summary>
    private QueuedStep? Best(long now, QueuedStep? like, bool fullOnly)
    {
        QueuedStep? best = null;
        foreach (var owner in _waiting)
        {
            var step = owner.First;
            while (step is not null && (like is not null ? !step.HasShapeOf(like) : fullOnly && _counts[Shape(step)] < MaxBatch(step)))
            {
                step = step.NextOfShare;
            }
            if (step is not null && (best is null || IsBefore(step, best, now)))
            {
                best = step;
            }
        }
        return best;
    }

    private static bool IsBefore(QueuedStep step, QueuedStep other, long now)
    {
        var (live, otherLive) = (IsLive(step, now), IsLive(other, now));
        return live == otherLive ? Turn(step) < Turn(other) : live;
    }

    // Others of its owner ride along in batches of their shape while the first one waits: they must not put off its turn, or a rare shape
    // would starve.
    private static double Turn(QueuedStep step) => step.Turn ?? step.Share.VirtualTime;

    private static void Lead(StepShare owner)
    {
        if (owner.First is { } first)
        {
            first.Turn ??= owner.VirtualTime;
        }
    }

    /// <summary>Steps of the same shape and kind that wait, up to the maximum batch.</summary>
    private int CountLike(QueuedStep first, long now)
    {
        var (count, most) = (0, MaxBatch(first));
        foreach (var owner in _waiting)
        {
            for (var step = owner.First; step is not null && count < most; step = step.NextOfShare)
            {
                count += step.HasShapeOf(first) && IsLive(step, now) == IsLive(first, now) ? 1 : 0;
            }
        }
        return count;
    }
}
