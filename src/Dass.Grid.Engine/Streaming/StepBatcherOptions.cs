using System.Numerics;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Streaming;

/// <summary>How single steps become batches.</summary>
public sealed class StepBatcherOptions
{
    /// <summary>
    /// Steps that may wait, 1 to 1,000,000; beyond that <see cref="StepQueueFullException"/>. Default: 0, one of each stream: a stream has
    /// one step under way at a time, so no more than <see cref="EngineOptions.MaxStreams"/> ever wait, and none is refused.
    /// </summary>
    public int QueueCapacity { get; set; }

    /// <summary>
    /// Most streams of one batch: a power of two, 1 to 1024. Batches have the sizes of the powers of two up to it. Default: 0, by the
    /// device: 8 on a processor, on a GPU 1024 or as many as its memory allows. On a processor longer steps than 1.6 s, look-ahead and all,
    /// come in smaller batches.
    /// </summary>
    public int MaxBatch { get; set; }

    /// <summary>
    /// Most steps of a batch of streams that catch up: a power of two, at most <see cref="MaxBatch"/>. A live step waits until the running
    /// batch ends, so a processor, which gains little by large batches, takes small ones. Default: 0, by the device: 1 on a processor,
    /// <see cref="MaxBatch"/> on a GPU.
    /// </summary>
    public int MaxCatchUpBatch { get; set; }

    /// <summary>How long a step waits for others of its shape while a thread is free, 0 to 1 s. Default: 5 ms.</summary>
    public TimeSpan MaxWait { get; set; } = TimeSpan.FromMilliseconds(5);

    /// <summary>With what the device suggests in the place of zeros.</summary>
    internal StepBatcherOptions On(StepDefaults device)
    {
        var largest = MaxBatch == 0 ? device.MaxBatch : MaxBatch;
        return new StepBatcherOptions
        {
            QueueCapacity = QueueCapacity,
            MaxWait = MaxWait,
            MaxBatch = largest,
            MaxCatchUpBatch = Math.Min(largest, MaxCatchUpBatch == 0 ? device.MaxCatchUpBatch : MaxCatchUpBatch),
        };
    }

    internal void AddTo(OptionRules validation)
    {
        const string Name = nameof(StepBatcherOptions);
        validation.InRange($"{Name}.{nameof(QueueCapacity)}", QueueCapacity, 0, 1_000_000);
        validation.Rule(
            MaxBatch == 0 || (MaxBatch is >= 1 and <= 1024 && BitOperations.IsPow2(MaxBatch)),
            $"{Name}.{nameof(MaxBatch)}", MaxBatch, "it must be a power of two, 1 to 1024, or 0");
        var largest = MaxBatch == 0 ? 1024 : MaxBatch;
        validation.Rule(
            MaxCatchUpBatch == 0 || (MaxCatchUpBatch >= 1 && MaxCatchUpBatch <= largest && BitOperations.IsPow2(MaxCatchUpBatch)),
            $"{Name}.{nameof(MaxCatchUpBatch)}", MaxCatchUpBatch,
            $"it must be a power of two, 1 to {nameof(MaxBatch)} ({largest}), or 0");
        validation.InRange($"{Name}.{nameof(MaxWait)}", MaxWait, TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }
}
