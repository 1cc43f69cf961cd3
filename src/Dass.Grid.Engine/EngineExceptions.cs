namespace Dass.Grid.Engine;

/// <summary>Audio or an audio format that breaks a rule. The message names the field, the value and the rule.</summary>
public class AudioFormatException(string message) : Exception(message);

/// <summary>A model directory that cannot be used. The message lists every problem that was found.</summary>
public sealed class ModelLoadException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Every slot of the state arena is taken, or those that are free are kept for other owners.</summary>
public sealed class NoFreeSlotException(string message) : Exception(message)
{
    public NoFreeSlotException(int capacity)
        : this($"All {capacity} stream slots of this engine are taken (EngineOptions.MaxStreams). Close a stream or raise the limit.")
    {
    }

    public NoFreeSlotException(int held, int free, double reserved)
        : this(
            $"All stream slots of this engine but {free} are taken, {held} of them by this tenant; the others are kept for other tenants "
            + $"(EngineOptions.ReservedShare {reserved:0.###}). Close a stream or raise EngineOptions.MaxStreams.")
    {
    }
}

/// <summary>The bounded queue of steps is full: the device cannot keep up.</summary>
public sealed class StepQueueFullException(int capacity)
    : Exception($"The step queue is full ({capacity} steps wait). Send more slowly, or raise StepBatcherOptions.QueueCapacity.");

/// <summary>
/// The device has no memory left for a step. The stream is as it was: a smaller batch, or a later moment, may do. An engine that has been
/// out of memory gives out no more slots than are taken.
/// </summary>
public sealed class DeviceMemoryException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// The device answers no more and will not in this process: the states of all streams on it are gone. They go on from their snapshots in
/// another process.
/// </summary>
public sealed class DeviceLostException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The model failed on a batch. The streams of that batch are as they were before the step.</summary>
public sealed class StepFailedException(string message, Exception inner) : Exception(message, inner);

/// <summary>
/// Bytes that are not a snapshot which this engine can continue: another model or version, or damage. The message names the field.
/// </summary>
public sealed class SnapshotException(string message) : Exception(message);
