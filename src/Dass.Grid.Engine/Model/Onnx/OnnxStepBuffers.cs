using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Dass.Grid.Engine.Model.Onnx;

/// <summary>
/// Inputs and outputs of one run at a time, in native memory that only grows. The state of a batch is gathered from the slots and
/// scattered back after the run, tensor by tensor: about 10 µs per stream and direction, and a failed run leaves every slot as it was.
/// </summary>
internal sealed unsafe class OnnxStepBuffers(DassConfig config, StateLayout layout) : IDisposable
{
    private readonly OrtValue[] _inputs = new OrtValue[3 + layout.Tensors.Length];
    private readonly OrtValue[] _outputs = new OrtValue[layout.Tensors.Length + 1];
    private readonly long* _committed = (long*)NativeMemory.AllocZeroed(sizeof(long));
    private NativeBuffer _features, _first, _state, _nextState, _columns;
    private (int Batch, int Frames) _shape;

    public IReadOnlyList<OrtValue> Inputs => _inputs;

    public IReadOnlyList<OrtValue> Outputs => _outputs;

    public void Gather(ReadOnlySpan<StepRequest> batch)
    {
        int frames = batch[0].Frames, bins = config.MelBins;
        Shape(batch.Length, frames);
        *_committed = batch[0].Committed;
        var first = (int*)_first.Pointer;
        for (var i = 0; i < batch.Length; i++)
        {
            first[i] = batch[i].Slot.CommittedFrames == 0 ? 1 : 0;
            var source = batch[i].Features; // [T, bins]
            var image = _features.Pointer + (nint)i * bins * frames; // [bins, T]
            for (var frame = 0; frame < frames; frame++)
            {
                for (var bin = 0; bin < bins; bin++)
                {
                    image[bin * frames + frame] = source[frame * bins + bin];
                }
            }
            foreach (var tensor in layout.Tensors)
            {
                batch[i].Slot[tensor].CopyTo(Part(_state, tensor, batch.Length, i));
            }
        }
    }

    public void Scatter(ReadOnlySpan<StepRequest> batch)
    {
        var window = DassConfig.ColumnsOf(batch[0].Frames) * config.Dims[^1];
        for (var i = 0; i < batch.Length; i++)
        {
            var request = batch[i];
            var target = request.ColumnSums;
            new ReadOnlySpan<float>(_columns.Pointer + (nint)i * window, target.Length).CopyTo(target);
            foreach (var tensor in layout.Tensors)
            {
                Part(_nextState, tensor, batch.Length, i).CopyTo(request.Slot[tensor]);
            }
            request.Slot.CommittedFrames += request.Committed;
        }
    }

    public void Dispose()
    {
        DisposeValues();
        NativeMemory.Free(_committed);
        foreach (var buffer in (ReadOnlySpan<NativeBuffer>)[_features, _first, _state, _nextState, _columns])
        {
            NativeMemory.AlignedFree(buffer.Pointer);
        }
    }

    /// <summary>Item <paramref name="item"/> of a state tensor of the whole batch: tensors lie one after the other, each [B, ..].</summary>
    private static Span<float> Part(NativeBuffer buffer, StateTensor tensor, int batch, int item) =>
        new(buffer.Pointer + (nint)tensor.Offset * batch + (nint)tensor.Length * item, tensor.Length);

    private void Shape(int batch, int frames)
    {
        if (_shape == (batch, frames))
        {
            return;
        }
        DisposeValues();
        var columns = DassConfig.ColumnsOf(frames);
        _features.Grow((nint)batch * config.MelBins * frames);
        _first.Grow(batch);
        _state.Grow((nint)batch * layout.Length);
        _nextState.Grow((nint)batch * layout.Length);
        _columns.Grow((nint)batch * columns * config.Dims[^1]);
        _inputs[0] = Value(_features.Pointer, batch, config.MelBins, frames, 1);
        _inputs[1] = Value(_first.Pointer, TensorElementType.Int32, sizeof(int), batch);
        _inputs[2] = Value(_committed, TensorElementType.Int64, sizeof(long), 1);
        for (var i = 0; i < layout.Tensors.Length; i++)
        {
            var tensor = layout.Tensors[i];
            long[] shape = [batch, .. tensor.Shape];
            _inputs[3 + i] = Value(_state.Pointer + (nint)tensor.Offset * batch, shape);
            _outputs[i] = Value(_nextState.Pointer + (nint)tensor.Offset * batch, shape);
        }
        _outputs[^1] = Value(_columns.Pointer, batch, columns, config.Dims[^1]);
        _shape = (batch, frames);
    }

    private static OrtValue Value(float* data, params long[] shape) => Value(data, TensorElementType.Float, sizeof(float), shape);

    private static OrtValue Value(void* data, TensorElementType type, int elementBytes, params long[] shape) =>
        OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance, type, shape, (nint)data, shape.Aggregate((long)elementBytes, (product, n) => product * n));

    private void DisposeValues()
    {
        foreach (var value in _inputs.Concat(_outputs))
        {
            value?.Dispose();
        }
        _shape = default;
    }

    /// <summary>Aligned native memory that only grows.</summary>
    private struct NativeBuffer
    {
        private nint _length;

        public float* Pointer { get; private set; }

        public void Grow(nint floats)
        {
            if (floats > _length)
            {
                NativeMemory.AlignedFree(Pointer);
                Pointer = (float*)NativeMemory.AlignedAlloc((nuint)floats * sizeof(float), 64);
                _length = floats;
            }
        }
    }
}
