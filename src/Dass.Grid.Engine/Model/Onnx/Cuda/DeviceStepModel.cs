using Microsoft.ML.OnnxRuntime;

namespace Dass.Grid.Engine.Model.Onnx.Cuda;

/// <summary>
/// DASS on ONNX Runtime with everything on one device: matrix products by ONNX Runtime, all else by <see cref="DeviceKernels"/>, and the
/// states in slots there. Features come from the host and sums go back to it; nothing else does.
/// </summary>
/// <remarks>
/// One step at a time, and the thread waits for it: the device is busy with one batch, and further threads would not make it faster.
/// </remarks>
internal sealed class DeviceStepModel : IStepModel
{
    private readonly Device _device;
    private readonly nint _stream;
    private readonly InferenceSession _session;
    private readonly RunOptions _runOptions = new();
    private readonly string[] _inputs;
    private readonly string[] _outputs;
    private readonly DeviceStepBuffers _buffers;
    private readonly Lock _gate = new();

    /// <exception cref="NotSupportedException">ONNX Runtime cannot start the device's provider.</exception>
    /// <exception cref="DeviceMemoryException">The device's memory does not hold the weights.</exception>
    public DeviceStepModel(DassModel model, Device device, StepPrecision precision = StepPrecision.Fp32)
    {
        Model = model;
        _device = device;
        StateLayout = new StateLayout(model.Config);
        _stream = device.CreateStream();
        try
        {
            _session = OnnxSessions.Create(
                DassGraph.Build(model), () => DeviceOperators.Of(device), options => device.AddProvider(options, _stream, precision));
            _inputs = OnnxSessions.Inputs(StateLayout);
            _outputs = OnnxSessions.Outputs(StateLayout, _session);
            _runOptions.AddRunConfigEntry("disable_synchronize_execution_providers", "1"); // the buffers wait, for the sums as well
            _buffers = new DeviceStepBuffers(device, model.Config, StateLayout, _stream);
        }
        catch (Exception exception)
        {
            _session?.Dispose();
            device.DestroyStream(_stream);
            if (exception is OnnxRuntimeException failure && OnnxSessions.IsOutOfMemory(failure))
            {
                throw new DeviceMemoryException(failure.Message, failure);
            }
            throw;
        }
    }

    public DassModel Model { get; }

    public StateLayout StateLayout { get; }

    public DeviceInfo DeviceInfo => _device.Info;

    public long? FreeDeviceMemory
    {
        get
        {
            try
            {
                return _device.FreeBytes;
            }
            catch (DeviceLostException)
            {
                return null; // the next step says so
            }
        }
    }

    public StepDefaults Defaults => StepDefaults.Batches(_device.LargestBatch);

    public SlotMemory CreateMemory(int slots) => DeviceSlotMemory.Create(_device, slots, StateLayout.Length);

    public void Step(ReadOnlySpan<StepRequest> batch)
    {
        StepRequest.CheckBatch(batch);
        var slots = SlotsOf(batch);
        lock (_gate)
        {
            _buffers.Gather(batch, slots);
            Run();
            _buffers.Scatter(batch, slots);
        }
    }

    public void Dispose()
    {
        _buffers.Dispose();
        _runOptions.Dispose();
        _session.Dispose();
        _device.DestroyStream(_stream);
    }

    private void Run()
    {
        try
        {
            _session.Run(_runOptions, _inputs, _buffers.Inputs, _outputs, _buffers.Outputs);
        }
        catch (OnnxRuntimeException exception)
        {
            // What the run has queued still uses the buffers; and a lost device says so here, with its own error.
            _device.Synchronize(_stream);
            throw OnnxSessions.IsOutOfMemory(exception) ? new DeviceMemoryException(exception.Message, exception) : exception;
        }
    }

    private DeviceSlotMemory SlotsOf(ReadOnlySpan<StepRequest> batch)
    {
        var slots = batch[0].Slot.Memory as DeviceSlotMemory;
        foreach (var request in batch)
        {
            if (slots is null || slots.Device != _device || request.Slot.Memory != slots)
            {
                throw new ArgumentException(
                    $"The state of slot {request.Slot.Index} does not lie in the batch's arena on this model's device.", nameof(batch));
            }
        }
        return slots!;
    }
}
