using System.Runtime.InteropServices;
using Dass.Grid.Engine.Model.Onnx.Cuda.Kernels;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Dass.Grid.Engine.Model.Onnx.Cuda;

/// <summary>
/// Inputs and outputs of one run at a time, in the device's memory. All of it is queued on one stream, in this order: features in, states
/// out of their slots, the run, sums out, states into their slots. So a run that fails leaves every slot as it was.
/// </summary>
internal sealed unsafe class DeviceStepBuffers(Device device, DassConfig config, StateLayout layout, nint stream) : IDisposable
{
    private const int MaxShapes = 64; // values of shapes that are kept; live streams have a few batch sizes of one length

    private readonly Dictionary<(int Batch, int Frames), Values> _values = [];
    private readonly long* _committed = (long*)NativeMemory.AllocZeroed(sizeof(long));
    private Block _features, _image, _batch, _state, _nextState, _columns, _offsets; // on the device
    private Block _hostFeatures, _hostBatch, _hostColumns; // on the host, pinned
    private Values? _current;

    public IReadOnlyList<OrtValue> Inputs => _current!.Inputs;

    public IReadOnlyList<OrtValue> Outputs => _current!.Outputs;

    /// <summary>Queues everything that the run needs.</summary>
    public void Gather(ReadOnlySpan<StepRequest> batch, DeviceSlotMemory slots)
    {
        int frames = batch[0].Frames, length = frames * config.MelBins;
        Shape(batch.Length, frames);
        *_committed = batch[0].Committed;
        var features = (float*)_hostFeatures.Address;
        var numbers = (int*)_hostBatch.Address;
        for (var i = 0; i < batch.Length; i++)
        {
            batch[i].Features.CopyTo(new Span<float>(features + (nint)i * length, length));
            numbers[i] = batch[i].Slot.CommittedFrames == 0 ? 1 : 0;
            numbers[batch.Length + i] = batch[i].Slot.Index;
        }
        device.CopyIn(_features.Address, _hostFeatures.Address, (long)batch.Length * length * sizeof(float), stream);
        device.CopyIn(_batch.Address, _hostBatch.Address, 2L * batch.Length * sizeof(int), stream);
        var lanes = device.LaneBits(frames);
        device.Launch(
            DeviceKernels.Transpose,
            new ImageArguments
            {
                Batch = batch.Length,
                Rows = config.MelBins,
                Columns = frames,
                Channels = 1,
                LaneBits = lanes,
                X = (float*)_features.Address,
                Y = (float*)_image.Address,
            },
            (long)batch.Length * config.MelBins,
            lanes,
            stream);
        Move(DeviceKernels.Gather, batch.Length, slots, _state);
    }

    /// <summary>Queues what follows the run, and waits for all of it.</summary>
    public void Scatter(ReadOnlySpan<StepRequest> batch, DeviceSlotMemory slots)
    {
        var window = DassConfig.ColumnsOf(batch[0].Frames) * config.Dims[^1];
        device.CopyOut(_hostColumns.Address, _columns.Address, (long)batch.Length * window * sizeof(float), stream);
        Move(DeviceKernels.Scatter, batch.Length, slots, _nextState); // last: a refusal before it changes no slot
        device.Synchronize(stream);
        for (var i = 0; i < batch.Length; i++)
        {
            var target = batch[i].ColumnSums;
            new ReadOnlySpan<float>((float*)_hostColumns.Address + (nint)i * window, target.Length).CopyTo(target);
            batch[i].Slot.CommittedFrames += batch[i].Committed;
        }
    }

    public void Dispose()
    {
        Forget();
        NativeMemory.Free(_committed);
        foreach (var block in (ReadOnlySpan<Block>)[_features, _image, _batch, _state, _nextState, _columns, _offsets])
        {
            device.Free(block.Address);
        }
        foreach (var block in (ReadOnlySpan<Block>)[_hostFeatures, _hostBatch, _hostColumns])
        {
            device.FreeHost(block.Address);
        }
    }

    private void Move(DeviceKernel<SlotArguments> kernel, int batch, DeviceSlotMemory slots, Block states)
    {
        var lanes = device.LaneBits(layout.Length);
        device.Launch(
            kernel,
            new SlotArguments
            {
                Batch = batch,
                Tensors = layout.Tensors.Length,
                SlotLength = layout.Length,
                LaneBits = lanes,
                Slots = (float*)slots.Address,
                Indices = (int*)_batch.Address + batch,
                Offsets = (int*)_offsets.Address,
                States = (float*)states.Address,
            },
            (long)batch * layout.Tensors.Length,
            lanes,
            stream);
    }

    private void Shape(int batch, int frames)
    {
        if (_values.TryGetValue((batch, frames), out _current))
        {
            return;
        }
        var columns = DassConfig.ColumnsOf(frames);
        var features = (long)batch * config.MelBins * frames * sizeof(float);
        var states = (long)batch * layout.Length * sizeof(float);
        var sums = (long)batch * columns * config.Dims[^1] * sizeof(float);
        UploadOffsets();
        Grow(ref _features, features);
        Grow(ref _image, features);
        Grow(ref _batch, 2L * batch * sizeof(int));
        Grow(ref _state, states);
        Grow(ref _nextState, states);
        Grow(ref _columns, sums);
        Grow(ref _hostFeatures, features, host: true);
        Grow(ref _hostBatch, 2L * batch * sizeof(int), host: true);
        Grow(ref _hostColumns, sums, host: true);
        if (_values.Count == MaxShapes)
        {
            Forget();
        }
        _current = new Values(layout.Tensors.Length);
        _values.Add((batch, frames), _current);
        _current.Inputs[0] = Value(_image.Address, TensorElementType.Float, batch, config.MelBins, frames, 1);
        _current.Inputs[1] = Value(_batch.Address, TensorElementType.Int32, batch);
        _current.Inputs[2] = OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance, TensorElementType.Int64, [1], (nint)_committed, sizeof(long));
        for (var i = 0; i < layout.Tensors.Length; i++)
        {
            var tensor = layout.Tensors[i];
            var offset = (nint)tensor.Offset * batch * sizeof(float);
            long[] shape = [batch, .. tensor.Shape];
            _current.Inputs[3 + i] = Value(_state.Address + offset, TensorElementType.Float, shape);
            _current.Outputs[i] = Value(_nextState.Address + offset, TensorElementType.Float, shape);
        }
        _current.Outputs[^1] = Value(_columns.Address, TensorElementType.Float, batch, columns, config.Dims[^1]);
    }

    private void UploadOffsets()
    {
        if (_offsets.Address != 0)
        {
            return;
        }
        int[] offsets = [.. layout.Tensors.Select(tensor => tensor.Offset), layout.Length];
        Grow(ref _offsets, offsets.Length * sizeof(int));
        fixed (int* source = offsets)
        {
            device.CopyIn(_offsets.Address, (nint)source, offsets.Length * sizeof(int), stream);
            device.Synchronize(stream);
        }
    }

    private OrtValue Value(nint address, TensorElementType type, params long[] shape) => OrtValue.CreateTensorValueWithData(
        device.Memory, type, shape, address, shape.Aggregate(4L, (product, n) => product * n)); // floats and 32-bit integers

    private void Grow(ref Block block, long bytes, bool host = false)
    {
        if (bytes <= block.Bytes)
        {
            return;
        }
        Forget(); // values of the old address
        var old = block.Address;
        block = default; // also when there is no memory for the new one
        if (host)
        {
            device.FreeHost(old);
            block = new Block(device.AllocateHost(bytes), bytes);
        }
        else
        {
            device.Free(old);
            block = new Block(device.Allocate(bytes), bytes);
        }
    }

    private void Forget()
    {
        foreach (var values in _values.Values)
        {
            foreach (var value in values.Inputs.Concat(values.Outputs))
            {
                value?.Dispose();
            }
        }
        _values.Clear();
        _current = null;
    }

    private readonly record struct Block(nint Address, long Bytes);

    /// <summary>What a run of one shape is given.</summary>
    private sealed class Values(int tensors)
    {
        public OrtValue[] Inputs { get; } = new OrtValue[3 + tensors];

        public OrtValue[] Outputs { get; } = new OrtValue[tensors + 1];
    }
}
