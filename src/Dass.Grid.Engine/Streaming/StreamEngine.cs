using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Features;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Engine.Streaming;

/// <summary>
/// Everything that one model needs to serve streams on this machine: on each of its devices a step model, a state arena, and a batcher with
/// its threads.
/// </summary>
public sealed class StreamEngine : IAsyncDisposable
{
    private readonly EngineDevice[] _devices;
    private readonly EngineInstruments _instruments;
    private readonly Dictionary<string, EngineOwner> _owners = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource<DeviceLostException> _loss = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Warms the allowed batch sizes on the calling thread and starts the threads.</summary>
    /// <param name="stepModels">
    /// Of the same model, one for each device; at least one. They become the engine's, also where it throws.
    /// </param>
    /// <param name="options">Not changed afterwards.</param>
    /// <param name="warmUp">False: the first batch of each size pays for its own set-up.</param>
    internal StreamEngine(IReadOnlyList<IStepModel> stepModels, EngineOptions options, bool warmUp = true)
    {
        Options = options;
        Model = stepModels[0].Model;
        Head = new TagHead(Model);
        LogMelTables = new LogMelTables(Model.Config);
        _instruments = new EngineInstruments(Model.Name, options.Meters);
        var slots = (options.MaxStreams + stepModels.Count - 1) / stepModels.Count;
        var devices = new List<EngineDevice>();
        try
        {
            foreach (var stepModel in stepModels)
            {
                devices.Add(new EngineDevice(devices.Count, stepModel, options, slots, _instruments, warmUp));
            }
        }
        catch
        {
            devices.ForEach(device => _ = device.DisposeAsync().AsTask()); // nothing runs on them: they stop at once
            stepModels.Skip(devices.Count).ToList().ForEach(stepModel => stepModel.Dispose());
            _instruments.Dispose();
            throw;
        }
        _devices = [.. devices];
        foreach (var device in _devices)
        {
            _ = FollowLossAsync(device);
        }
        _instruments.Observe(this);
    }

    /// <summary>An engine with one device.</summary>
    internal StreamEngine(IStepModel stepModel, EngineOptions options, bool warmUp = true)
        : this([stepModel], options, warmUp)
    {
    }

    public DassModel Model { get; }

    /// <summary>Where the steps run: at least one.</summary>
    public IReadOnlyList<DeviceInfo> Devices => [.. _devices.Select(device => device.Info)];

    /// <summary>Bytes that nothing holds in the memories of the devices that have their own; null: none has.</summary>
    public long? FreeDeviceMemory => _devices.Aggregate(
        default(long?), (sum, device) => device.FreeMemory is { } free ? sum.GetValueOrDefault() + free : sum);

    /// <summary>Why a device is not the one that was wanted; null: each is.</summary>
    public string? DeviceWarning => _devices.Select(device => device.Warning).FirstOrDefault(warning => warning is not null);

    /// <summary>
    /// Slots of all devices, fewer once one has been out of memory; and slots that streams hold now.
    /// </summary>
    public (int Capacity, int Used) Slots =>
        (_devices.Sum(device => device.Slots.Capacity), _devices.Sum(device => device.Slots.Used));

    /// <summary>
    /// Streams that the devices carry in real time, measured from their steps, those of the start too. 0: not measured.
    /// </summary>
    public double Rate => _devices.Sum(device => device.Rate);

    /// <summary>
    /// Completes, with the reason, when a device is lost: then its sessions can only be disposed, those of other devices saved too, and
    /// <see cref="Open"/> and <see cref="Restore"/> throw <see cref="DeviceLostException"/>.
    /// </summary>
    public Task<DeviceLostException> Loss => _loss.Task;

    /// <summary>Steps that wait now.</summary>
    public int QueueLength => _devices.Sum(device => device.Batcher.QueueLength);

    /// <summary>Share of the last ten seconds in which the devices' threads ran batches, 0 to 1.</summary>
    public double Busy => _devices.Average(device => device.Batcher.Busy);

    /// <summary>
    /// How long live steps have to wait now, on the device where it is longest: beyond the length of a chunk it does not keep up with its
    /// streams.
    /// </summary>
    public TimeSpan LiveWait => _devices.Max(device => device.Batcher.LiveWait);

    /// <summary>How long the oldest batch has been running now; zero when none is. A device that hangs shows here.</summary>
    public TimeSpan LongestRun => _devices.Max(device => device.Batcher.LongestRun);

    internal EngineOptions Options { get; }

    internal EngineInstruments Instruments => _instruments;

    internal TagHead Head { get; }

    internal LogMelTables LogMelTables { get; }

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
        var (device, slot, part) = Acquire(owner, leavesReserve ? Options.ReservedShare : 0);
        try
        {
            return new StreamSession(this, device, format, options, slot, part);
        }
        catch
        {
            Release(part);
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
                session.Device.Batcher.Lose(loss);
            }
            session.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Sets an owner's part of the devices in relation to others, 0.01 to 100 (1 when never set), for as long as sessions of the owner are
    /// open.
    /// </summary>
    public void Weigh(string owner, double weight)
    {
        lock (_owners)
        {
            _owners.GetValueOrDefault(owner)?.Weigh(weight);
        }
    }

    private (EngineDevice Device, StateSlot Slot, EngineOwner Owner) Acquire(string owner, double reserved)
    {
        if (Loss.IsCompleted)
        {
            throw new DeviceLostException(Loss.Result.Message, Loss.Result);
        }
        lock (_owners)
        {
            var known = _owners.GetValueOrDefault(owner);
            var (capacity, used) = Slots;
            var (held, free) = (known?.Sessions ?? 0, capacity - used);
            if (free > 0 && IsKeptForOthers(held, free, capacity, reserved))
            {
                throw new NoFreeSlotException(held, free, reserved);
            }
            foreach (var device in _devices.OrderBy(device => device.Fill))
            {
                if (TryRent(device) is { } slot)
                {
                    known ??= _owners[owner] = new EngineOwner(owner, _devices.Length);
                    known.Sessions++;
                    return (device, slot, known);
                }
            }
            throw new NoFreeSlotException(capacity);
        }
    }

    /// <summary>A device may be lost while no step runs, which would say so.</summary>
    private static StateSlot? TryRent(EngineDevice device)
    {
        try
        {
            return device.TryRent();
        }
        catch (DeviceLostException loss)
        {
            device.Batcher.Lose(loss);
            throw;
        }
    }

    // One tenant alone stops before the reserve. In it each takes a part of what the ones before have left: so several that want all that
    // there is do not fill it either, and a newcomer always gets a slot while there is one.
    private static bool IsKeptForOthers(int held, int free, int capacity, double reserved) =>
        held * reserved >= (1 - reserved) * free - 1e-9
        || (free <= (int)(reserved * capacity) && held >= Math.Max(1, free / 2.0));

    internal void Release(EngineOwner owner)
    {
        lock (_owners)
        {
            if (--owner.Sessions == 0)
            {
                _owners.Remove(owner.Name);
            }
        }
    }

    private async Task FollowLossAsync(EngineDevice device) => _loss.TrySetResult(await device.Batcher.Loss.ConfigureAwait(false));

    /// <summary>Stops the threads after their running batches. Sessions that are still open can only be disposed.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var device in _devices)
        {
            await device.DisposeAsync().ConfigureAwait(false);
        }
        _instruments.Dispose();
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
}
