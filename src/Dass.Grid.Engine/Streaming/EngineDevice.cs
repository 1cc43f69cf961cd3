using System.Diagnostics;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Streaming;

/// <summary>One device of an engine: the step model that runs on it, the states that lie there, and the batches of its streams.</summary>
internal sealed class EngineDevice : IAsyncDisposable
{
    private static readonly ChunkSchedule Usual = new StreamSessionOptions().Schedule;

    private readonly IStepModel _stepModel;
    private readonly StateArena _arena;
    private readonly StepRate _rate;
    private int _maxSlots = int.MaxValue; // less when the device has been out of memory

    /// <summary>Warms the allowed batch sizes on the calling thread and starts the threads.</summary>
    /// <param name="index">Place among the engine's devices, from 0.</param>
    /// <param name="stepModel">Becomes the device's, unless the constructor throws.</param>
    /// <param name="options">The engine's; not changed afterwards.</param>
    /// <param name="slots">Streams that it is to hold.</param>
    /// <param name="instruments">The engine's.</param>
    /// <param name="warmUp">False: the first batch of each size pays for its own set-up.</param>
    public EngineDevice(int index, IStepModel stepModel, EngineOptions options, int slots, EngineInstruments instruments, bool warmUp)
    {
        Index = index;
        _stepModel = stepModel;
        _arena = new StateArena(stepModel.CreateMemory(slots));
        var threads = options.Threads == 0 ? stepModel.Defaults.Threads : options.Threads;
        _rate = new StepRate(threads);
        var batches = options.Batcher.On(stepModel.Defaults);
        if (warmUp)
        {
            try
            {
                batches.MaxBatch = WarmUp(batches.MaxBatch);
            }
            catch
            {
                _arena.Dispose();
                throw;
            }
            batches.MaxCatchUpBatch = Math.Min(batches.MaxCatchUpBatch, batches.MaxBatch);
        }
        Batcher = new StepBatcher(stepModel, batches, threads, instruments, _rate);
        Batcher.OutOfMemory += TakeNoMore;
    }

    public int Index { get; }

    public DassModel Model => _stepModel.Model;

    public DeviceInfo Info => _stepModel.DeviceInfo;

    /// <summary>Bytes; null: it has no memory of its own.</summary>
    public long? FreeMemory => _stepModel.FreeDeviceMemory;

    /// <summary>Why it is not the device that was wanted; null: it is.</summary>
    public string? Warning => _stepModel.DeviceWarning;

    /// <summary>Slots in all, fewer once the device has been out of memory; and slots that streams hold now.</summary>
    public (int Capacity, int Used) Slots => (Math.Min(_arena.Capacity, _maxSlots), _arena.Used);

    /// <summary>Streams that it carries in real time. 0: not measured.</summary>
    public double Rate => _rate.Streams;

    public StepBatcher Batcher { get; }

    /// <summary>How full it is: streams in relation to what it carries, or to its slots where that is not measured.</summary>
    public double Fill => Slots.Used / (Rate > 0 ? Rate : Slots.Capacity);

    /// <returns>Null: no slot is free.</returns>
    /// <exception cref="DeviceLostException">The device answers no more.</exception>
    public StateSlot? TryRent() => Slots is var (capacity, used) && used < capacity ? _arena.TryRent() : null;

    /// <exception cref="DeviceLostException">The device is lost.</exception>
    public void ThrowIfLost()
    {
        if (Batcher.Loss.IsCompleted)
        {
            throw new DeviceLostException(Batcher.Loss.Result.Message, Batcher.Loss.Result);
        }
    }

    /// <summary>Stops the threads after their running batches.</summary>
    public async ValueTask DisposeAsync()
    {
        await Batcher.DisposeAsync().ConfigureAwait(false);
        _stepModel.Dispose();
        _arena.Dispose();
    }

    // A longer step may fail for its length alone: that says nothing of how many streams fit.
    private void TakeNoMore(int frames)
    {
        if (frames <= Usual.Chunk + Usual.LookAhead)
        {
            _maxSlots = Math.Min(_maxSlots, _arena.Used);
        }
    }

    // The first run of a shape allocates and plans; no stream should wait for that. Another one measures the device. Returns the most
    // streams of a batch that the device has the memory for.
    private int WarmUp(int largest)
    {
        var slots = new Stack<StateSlot>();
        StepRequest[] batch = [];
        try
        {
            for (var size = 1; size <= largest; size *= 2)
            {
                while (slots.Count < size && _arena.TryRent() is { } slot)
                {
                    slots.Push(slot);
                }
                if (slots.Count < size)
                {
                    break; // batches of this size cannot come about
                }
                StepRequest[] larger = [.. slots.Select(slot => new StepRequest(slot, Model.Config))];
                foreach (var step in larger)
                {
                    step.Slot.Reset();
                    step.Shape(Usual.Chunk + Usual.LookAhead, Usual.Chunk);
                    step.Features.Clear();
                }
                try
                {
                    _stepModel.Step(larger);
                }
                catch (DeviceMemoryException) when (size > 1)
                {
                    largest = size / 2;
                    break;
                }
                batch = larger;
            }
            var began = Stopwatch.GetTimestamp();
            _stepModel.Step(batch); // the first of its shape says nothing of the device's speed
            _rate.Add(
                batch.Length, batch.Length * Usual.Chunk * FrameRate.HopSeconds, Stopwatch.GetElapsedTime(began).TotalSeconds);
            return largest;
        }
        finally
        {
            foreach (var slot in slots)
            {
                slot.Dispose();
            }
        }
    }
}
