namespace Dass.Grid.Engine.Model;

/// <summary>
/// A DASS network that runs in steps. A step takes C + L frames of each stream: C are committed, L are look-ahead (context that
/// is computed and not committed). One step over a whole recording with a fresh state is the offline model.
/// </summary>
/// <remarks>
/// <see cref="Step"/> may be called from several threads at once as long as no slot is in two calls. It blocks for the whole
/// computation: call it on dedicated threads only.
/// </remarks>
public interface IStepModel : IDisposable
{
    DassModel Model { get; }

    StateLayout StateLayout { get; }

    /// <summary>Where the steps run.</summary>
    DeviceInfo DeviceInfo => DeviceInfo.Processor;

    /// <summary>Bytes of the device's own memory that nothing holds; null: it has none of its own, or does not answer.</summary>
    long? FreeDeviceMemory => null;

    /// <summary>Batches and threads that suit it.</summary>
    StepDefaults Defaults => StepDefaults.Processor;

    /// <summary>Why it does not run on the device that was wanted; null: it does.</summary>
    string? DeviceWarning => null;

    /// <summary>Memory for the states of up to <paramref name="slots"/> streams where this model can step them.</summary>
    /// <exception cref="DeviceMemoryException">The device's memory does not hold one slot.</exception>
    SlotMemory CreateMemory(int slots) => new HostSlotMemory(slots, StateLayout.Length);

    /// <summary>
    /// Advances every request's stream by its committed frames: writes <see cref="StepRequest.ColumnSums"/>, then the slot's state and
    /// position. When it throws, no slot has changed. Values that are not finite spoil their own stream and no other.
    /// </summary>
    /// <param name="batch">Requests of different streams with equal <see cref="StepRequest.Frames"/> and
    /// <see cref="StepRequest.Committed"/>; streams of any age mix.</param>
    /// <exception cref="ArgumentException">The batch is empty, its shapes differ, or a request breaks a rule of
    /// <see cref="StepRequest"/>.</exception>
    /// <exception cref="DeviceMemoryException">The device's memory does not hold the batch; a smaller one may do.</exception>
    /// <exception cref="DeviceLostException">The device answers no more: neither does any later step.</exception>
    void Step(ReadOnlySpan<StepRequest> batch);
}
