using System.Numerics;

namespace Dass.Grid.Engine.Streaming;

/// <summary>How single steps become batches.</summary>
public sealed class StepBatcherOptions
{
    /// <summary>Steps that may wait, 1 to 1,000,000; beyond that <see cref="StepQueueFullException"/>. Default: 1024.</summary>
    public int QueueCapacity { get; set; } = 1024;

    /// <summary>
    /// Most streams of one batch: a power of two, 1 to 1024. Batches have the sizes of the powers of two up to it. Default: 8.
    /// </summary>
    public int MaxBatch { get; set; } = 8;

    /// <summary>
    /// Most steps of a batch of streams that catch up: a power of two, at most <see cref="MaxBatch"/>. A live step waits until the running
    /// batch ends, so a processor, which gains little by large batches, takes small ones; a GPU should take <see cref="MaxBatch"/>.
    /// Default: 1.
    /// </summary>
    public int MaxCatchUpBatch { get; set; } = 1;

    /// <summary>How long a step waits for others of its shape while a thread is free, 0 to 1 s. Default: 5 ms.</summary>
    public TimeSpan MaxWait { get; set; } = TimeSpan.FromMilliseconds(5);

    internal void AddTo(OptionRules validation)
    {
        const string Name = nameof(StepBatcherOptions);
        validation.InRange($"{Name}.{nameof(QueueCapacity)}", QueueCapacity, 1, 1_000_000);
        validation.Rule(
            MaxBatch is >= 1 and <= 1024 && BitOperations.IsPow2(MaxBatch),
            $"{Name}.{nameof(MaxBatch)}", MaxBatch, "it must be a power of two, 1 to 1024");
        validation.Rule(
            MaxCatchUpBatch >= 1 && MaxCatchUpBatch <= MaxBatch && BitOperations.IsPow2(MaxCatchUpBatch),
            $"{Name}.{nameof(MaxCatchUpBatch)}", MaxCatchUpBatch, $"it must be a power of two, 1 to {nameof(MaxBatch)} ({MaxBatch})");
        validation.InRange($"{Name}.{nameof(MaxWait)}", MaxWait, TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }
}
