namespace Dass.Grid.Engine.Model;

/// <summary>One stream's part of a step. Owned by its stream and used again for every step; the buffers only grow.</summary>
public class StepRequest(StateSlot slot, DassConfig config)
{
    public StateSlot Slot { get; } = slot;

    /// <summary>Frames of the window, C + L; at least 1.</summary>
    public int Frames { get; private set; }

    /// <summary>
    /// Committed frames C, 1 to <see cref="Frames"/>. A multiple of 32, except in the last step of a stream, which has no look-ahead.
    /// </summary>
    public int Committed { get; private set; }

    /// <summary>Columns of last-stage tokens that the step commits: ⌈C / 32⌉.</summary>
    public int Columns => DassConfig.ColumnsOf(Committed);

    /// <summary>Input: normalised log-mel values, [Frames, MelBins] row-major.</summary>
    public Span<float> Features => _features.AsSpan(0, Frames * config.MelBins);

    /// <summary>Output: sum over the frequency rows of the tokens after the final norm, [Columns, D] row-major.</summary>
    public Span<float> ColumnSums => _columnSums.AsSpan(0, Columns * config.Dims[^1]);

    private static long _checks; // so far, of all threads

    private float[] _features = [];
    private float[] _columnSums = [];

    /// <summary>Sets the shape of the next step and makes room for it. Leaves the features undefined.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A rule on <see cref="Frames"/> or <see cref="Committed"/> is broken.</exception>
    public void Shape(int frames, int committed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(frames, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(committed, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(committed, frames);
        if (committed < frames && committed % DassConfig.FramesPerColumn != 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(committed), committed, $"A step with look-ahead commits a multiple of {DassConfig.FramesPerColumn} frames.");
        }
        Frames = frames;
        Committed = committed;
        Grow(ref _features, frames * config.MelBins);
        Grow(ref _columnSums, Columns * config.Dims[^1]);
    }

    /// <summary>What every step model checks before it begins.</summary>
    /// <exception cref="ArgumentException">The batch is empty, its shapes differ, or a slot is there twice.</exception>
    internal static void CheckBatch(ReadOnlySpan<StepRequest> batch)
    {
        if (batch.IsEmpty)
        {
            throw new ArgumentException("A batch holds at least one request.", nameof(batch));
        }
        var check = Interlocked.Increment(ref _checks);
        for (var i = 0; i < batch.Length; i++)
        {
            if (batch[i].Frames == 0 || batch[i].Frames != batch[0].Frames || batch[i].Committed != batch[0].Committed)
            {
                throw new ArgumentException(
                    $"Request {i} has {batch[i].Frames} frames, {batch[i].Committed} committed; "
                    + $"the batch has {batch[0].Frames} and {batch[0].Committed}.",
                    nameof(batch));
            }
            if (batch[i].Slot.LastCheck == check)
            {
                throw new ArgumentException($"Request {i} and one before it are of one slot, {batch[i].Slot.Index}.", nameof(batch));
            }
            batch[i].Slot.LastCheck = check;
        }
    }

    private static void Grow(ref float[] buffer, int length)
    {
        if (buffer.Length < length)
        {
            buffer = new float[length];
        }
    }
}
