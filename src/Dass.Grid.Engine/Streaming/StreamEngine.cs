using System.Diagnostics;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Features;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Engine.Streaming;

/// <summary>Everything that one model needs to serve streams on this machine: step model, state arena, batcher with its threads.</summary>
public sealed class StreamEngine : IAsyncDisposable
{
    private readonly IStepModel _stepModel;
    private readonly StateArena _arena;
    private readonly EngineInstruments _instruments;
    private readonly Dictionary<string, StepShare> _shares = new(StringComparer.Ordinal);
    private readonly StepRate _rate;
    private int _maxSlots = int.MaxValue; // less when the device has been out of memory

    /// <summary>Warms the allowed batch sizes on the calling thread and starts the threads.</summary>
    /// <param name="stepModel">Becomes the engine's.</param>
    /// <param name="options">Not changed afterwards.</param>
    /// <param name="warmUp">False: the first batch of each size pays for its own set-up.</param>
    internal StreamEngine(IStepModel stepModel, EngineOptions options, bool warmUp = true)
    {
        Options = options;
        _stepModel = stepModel;
        Head = new TagHead(Model);
        LogMelTables = new LogMelTables(Model.Config);
        _instruments = new EngineInstruments(Model.Name, options.Meters);
        _arena = new StateArena(stepModel.CreateMemory(options.MaxStreams));
        _instruments.ObserveSlots(() => Slots);
        _instruments.ObserveRate(() => Rate);
        var threads = options.Threads == 0 ? stepModel.Defaults.Threads : options.Threads;
        _rate = new StepRate(threads);
        var batches = options.Batcher.On(stepModel.Defaults);
        if (warmUp)
        {
            batches.MaxBatch = WarmUp(batches.MaxBatch);
            batches.MaxCatchUpBatch = Math.Min(batches.MaxCatchUpBatch, batches.MaxBatch);
        }
        Batcher = new StepBatcher(stepModel, batches, threads, _instruments, _rate);
        Batcher.OutOfMemory += () => _maxSlots = Math.Min(_maxSlots, _arena.Used);
    }

    public DassModel Model => _stepModel.Model;

    /// <summary>Where the steps run.</summary>
    public DeviceInfo Device => _stepModel.DeviceInfo;

    /// <summary>Slots in all, fewer once the device has been out of memory; and slots that streams hold now.</summary>
    public (int Capacity, int Used) Slots => (Math.Min(_arena.Capacity, _maxSlots), _arena.Used);

    /// <summary>Streams that the device carries in real time, measured from its steps, those of the start too. 0: not measured.</summary>
    public double Rate => _rate.Streams;

    /// <summary>
    /// Completes, with the reason, when the device is lost: then sessions can only be disposed, and <see cref="Open"/> and
    /// <see cref="Restore"/> throw <see cref="DeviceLostException"/>.
    /// </summary>
    public Task<DeviceLostException> Loss => Batcher.Loss;

    /// <summary>Steps that wait now.</summary>
    public int QueueLength => Batcher.QueueLength;

    /// <summary>Share of the last ten seconds in which the model's threads ran batches, 0 to 1.</summary>
    public double Busy => Batcher.Busy;

    /// <summary>How long live steps have to wait now: beyond the length of a chunk the device does not keep up with its streams.</summary>
    public TimeSpan LiveWait => Batcher.LiveWait;

    /// <summary>How long the oldest batch has been running now; zero when none is. A device that hangs shows here.</summary>
    public TimeSpan LongestRun => Batcher.LongestRun;

    internal EngineOptions Options { get; }

    internal EngineInstruments Instruments => _instruments;

    internal TagHead Head { get; }

    internal LogMelTables LogMelTables { get; }

    internal StepBatcher Batcher { get; }

    /// <summary>Loads the model, warms the allowed batch sizes and starts the threads.</summary>
    /// <exception cref="ArgumentException">Options break rules; the message lists every one.</exception>
    /// <exception cref="ModelLoadException">The model directory cannot be used; the message lists every problem.</exception>
    public static Task<StreamEngine> StartAsync(EngineOptions options, CancellationToken cancellationToken = default)
    {
        options.Validate();
        var started = new TaskCompletionSource<StreamEngine>(TaskCreationOptions.RunContinuationsAsynchronously);
        // Loading keeps a core busy for a second or more: not on the thread pool.
        new Thread(() => Start(options, started, cancellationToken)) { Name = "dass-load", IsBackground = true }.Start();
        return started.Task;
    }

    /// <summary>Begins a stream.</summary>
    /// <param name="format">Of its audio.</param>
    /// <param name="options">Its trade-off.</param>
    /// <param name="owner">Whose device time it takes: under load owners are served by their weights, not by the number of their
    /// streams.</param>
    /// <exception cref="ArgumentException">The options break a rule.</exception>
    /// <exception cref="AudioFormatException">The format breaks a rule.</exception>
    /// <param name="leavesReserve">The owner leaves slots to others: see <see cref="EngineOptions.ReservedShare"/>.</param>
    /// <exception cref="NoFreeSlotException">Every slot is taken, or kept for others.</exception>
    /// <exception cref="DeviceLostException">The device is lost.</exception>
    public StreamSession Open(AudioFormat format, StreamSessionOptions options, string owner = "", bool leavesReserve = false)
    {
        options.Validate();
        var (slot, share) = Acquire(owner, leavesReserve ? Options.ReservedShare : 0);
        try
        {
            return new StreamSession(this, format, options, slot, share);
        }
        catch
        {
            ReleaseShare(share);
            slot.Dispose();
            throw;
        }
    }

    /// <summary>Whether this model can go on with the states of another one: the same state layout, features and labels.</summary>
    public bool CanAdopt(StreamEngine other) =>
        Model.Config with { Dims = [], Depths = [] } == other.Model.Config with { Dims = [], Depths = [] }
        && Model.Config.Dims.SequenceEqual(other.Model.Config.Dims)
        && Model.Config.Depths.SequenceEqual(other.Model.Config.Depths)
        && Model.Labels.SameSounds(other.Model.Labels);

    /// <summary>Continues the stream that <see cref="StreamSession.Save"/> wrote, as if it had never been interrupted.</summary>
    /// <param name="snapshot">What was written.</param>
    /// <param name="owner">As for <see cref="Open"/>.</param>
    /// <param name="ofOtherWeights">The snapshot may be another model's, of which <see cref="CanAdopt"/> is true: its past is kept, its
    /// future is this model's.</param>
    /// <exception cref="SnapshotException">Not a snapshot, another version or model, or damaged; the message names the field.</exception>
    /// <param name="leavesReserve">As for <see cref="Open"/>.</param>
    /// <exception cref="NoFreeSlotException">Every slot is taken, or kept for others.</exception>
    /// <exception cref="DeviceLostException">The device is lost.</exception>
    public StreamSession Restore(
        ReadOnlySpan<byte> snapshot, string owner = "", bool ofOtherWeights = false, bool leavesReserve = false)
    {
        var from = new SnapshotReader(snapshot);
        var (format, options) = StreamSnapshot.ReadHeader(ref from, Model, ofOtherWeights);
        StreamSession session;
        try
        {
            session = Open(format, options, owner, leavesReserve);
        }
        catch (Exception exception) when (exception is ArgumentException or AudioFormatException)
        {
            throw new SnapshotException($"The stream's snapshot is damaged: {exception.Message}");
        }
        try
        {
            StreamSnapshot.ReadBody(ref from, session, Model.Config);
            return session;
        }
        catch (Exception failure)
        {
            if (failure is DeviceLostException loss)
            {
                Lose(loss);
            }
            session.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Sets an owner's part of the device in relation to others, 0.01 to 100 (1 when never set), for as long as sessions of the owner are
    /// open.
    /// </summary>
    public void Weigh(string owner, double weight)
    {
        lock (_shares)
        {
            if (_shares.TryGetValue(owner, out var share))
            {
                share.Weight = weight;
            }
        }
    }

    private (StateSlot Slot, StepShare Share) Acquire(string owner, double reserved)
    {
        ThrowIfLost();
        lock (_shares)
        {
            var share = _shares.GetValueOrDefault(owner);
            var (capacity, used) = Slots;
            var (held, free) = (share?.Sessions ?? 0, capacity - used);
            if (free > 0 && IsKeptForOthers(held, free, reserved))
            {
                throw new NoFreeSlotException(held, free, reserved);
            }
            var slot = (free > 0 ? _arena.TryRent() : null) ?? throw new NoFreeSlotException(capacity);
            if (share is null)
            {
                _shares.Add(owner, share = new StepShare(owner));
            }
            share.Sessions++;
            return (slot, share);
        }
    }

    // One tenant alone stops before the reserve. In it each takes a part of what the ones before have left: so several that want all that
    // there is do not fill it either, and a newcomer always gets a slot while there is one.
    private bool IsKeptForOthers(int held, int free, double reserved) =>
        held * reserved >= (1 - reserved) * free - 1e-9
        || (free <= (int)(reserved * _arena.Capacity) && held >= Math.Max(1, free / 2.0));

    internal void ReleaseShare(StepShare share)
    {
        lock (_shares)
        {
            if (--share.Sessions == 0)
            {
                _shares.Remove(share.Owner);
            }
        }
    }

    /// <exception cref="DeviceLostException">The device is lost.</exception>
    internal void ThrowIfLost()
    {
        if (Loss.IsCompleted)
        {
            throw new DeviceLostException(Loss.Result.Message, Loss.Result);
        }
    }

    /// <summary>The device has failed outside of a step in a way that it does not come back from.</summary>
    internal void Lose(DeviceLostException loss) => Batcher.Lose(loss);

    /// <summary>Stops the threads after their running batches. Sessions that are still open can only be disposed.</summary>
    public async ValueTask DisposeAsync()
    {
        await Batcher.DisposeAsync().ConfigureAwait(false);
        _instruments.Dispose();
        _stepModel.Dispose();
        _arena.Dispose();
    }

    private static void Start(EngineOptions options, TaskCompletionSource<StreamEngine> started, CancellationToken cancellationToken)
    {
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            var model = options.ModelDirectory is { } directory ? DassModel.Load(directory) : DassModel.LoadBuiltIn();
            model = options.Precision == StepPrecision.Int8 ? model.Quantized() : model;
            cancellationToken.ThrowIfCancellationRequested();
            started.SetResult(new StreamEngine(StepModels.Create(model, options), options));
        }
        catch (OperationCanceledException)
        {
            started.SetCanceled(cancellationToken);
        }
        catch (Exception exception)
        {
            started.SetException(exception);
        }
    }

    // The first run of a shape allocates and plans; no stream should wait for that. Another one measures the device. Returns the most
    // streams of a batch that the device has the memory for.
    private int WarmUp(int largest)
    {
        var shape = new StreamSessionOptions().Schedule;
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
                    step.Shape(shape.Chunk + shape.LookAhead, shape.Chunk);
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
                batch.Length, batch.Length * shape.Chunk * FrameRate.HopSeconds, Stopwatch.GetElapsedTime(began).TotalSeconds);
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
