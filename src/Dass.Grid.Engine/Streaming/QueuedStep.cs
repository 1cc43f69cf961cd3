using System.Diagnostics;
using System.Threading.Tasks.Sources;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Streaming;

internal enum QueuedStepState
{
    Idle,
    Waiting,
    Running,
}

/// <summary>
/// A step that goes through a <see cref="StepBatcher"/>: one per stream, used again for every step, so that waiting for a step allocates
/// nothing.
/// </summary>
/// <param name="slot">Where the stream's state is.</param>
/// <param name="config">Of the network.</param>
/// <param name="share">Whose device time it takes. Null: its own.</param>
public abstract class QueuedStep(StateSlot slot, DassConfig config, StepShare? share = null) : StepRequest(slot, config), IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _completion = new() { RunContinuationsAsynchronously = true };

    // All below belong to the batcher and are touched under its lock.
    internal QueuedStepState State { get; set; }
    internal StepBatcher? Batcher { get; set; }
    internal QueuedStep? Previous { get; set; }
    internal QueuedStep? Next { get; set; }
    internal QueuedStep? PreviousOfShare { get; set; }
    internal QueuedStep? NextOfShare { get; set; }
    internal long EnqueuedAt { get; set; }

    /// <summary>When its audio is due at the pace of real time.</summary>
    internal long DueAt { get; set; }

    /// <summary>When the stream's next audio is due: at once, before its first step.</summary>
    internal long DueNext { get; set; } = long.MinValue;

    /// <summary>Virtual time of its owner when it became the owner's first; null: it has not yet.</summary>
    internal double? Turn { get; set; }

    /// <summary>Ticks that it waited for its batch.</summary>
    internal long Waited { get; set; }

    /// <summary>Whether it was due when its batch began; else its stream catches up.</summary>
    internal bool Live { get; set; }

    internal StepShare Share { get; } = share ?? new StepShare();

    internal CancellationToken Cancellation { get; set; }
    internal CancellationTokenRegistration CancellationRegistration { get; set; }
    internal ActivityContext Caller { get; set; }
    internal bool Released { get; set; }

    internal bool HasShapeOf(QueuedStep other) => Frames == other.Frames && Committed == other.Committed;

    /// <summary>
    /// Runs on the device thread after the model's step and before the caller goes on: the place for the arithmetic that a step's
    /// outcome needs. Must not block.
    /// </summary>
    protected internal abstract void OnStepped();

    internal ValueTask Begin()
    {
        _completion.Reset();
        return new ValueTask(this, _completion.Version);
    }

    internal void Complete(Exception? error)
    {
        if (error is null)
        {
            _completion.SetResult(true);
        }
        else
        {
            _completion.SetException(error);
        }
    }

    void IValueTaskSource.GetResult(short token) => _completion.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _completion.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _completion.OnCompleted(continuation, state, token, flags);
}
