namespace Dass.Grid.Engine.Model;

/// <summary>How steps are best run on a device, where the options leave it open.</summary>
/// <param name="MaxBatch">Most streams of a batch, a power of two.</param>
/// <param name="MaxCatchUpBatch">Most streams of a batch that is not due in real time.</param>
/// <param name="Threads">That step at the same time.</param>
/// <param name="FullFrames">Frames of a step, with its look-ahead, up to which a batch may be full; of longer steps it has fewer.</param>
public readonly record struct StepDefaults(int MaxBatch, int MaxCatchUpBatch, int Threads, int FullFrames)
{
    /// <summary>
    /// A processor gains little by large batches, and a live step waits until the running batch ends: small ones, also in frames, and one
    /// of a stream that catches up.
    /// </summary>
    public static StepDefaults Processor => new(MaxBatch: 8, MaxCatchUpBatch: 1, Environment.ProcessorCount, FullFrames: 160);

    /// <summary>A device that runs one batch after the other, the more streams of each the better.</summary>
    public static StepDefaults Batches(int largest) => new(largest, largest, Threads: 1, int.MaxValue);
}
