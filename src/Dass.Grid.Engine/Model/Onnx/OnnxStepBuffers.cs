using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Dass.Grid.Engine.Model.Onnx;

/// <summary>
/// Inputs and outputs of one run at a time, in native memory that only grows. The state of a batch is gathered from the slots and
/// scattered back after the run, tensor by tensor: about 10 µs per stream and direction, and a failed run leaves every slot as it was.
/// What a shape needs of ONNX Runtime's objects is made once.
/// </summary>
internal sealed unsafe class OnnxStepBuffers(InferenceSession session, DassConfig config, StateLayout layout) : IDisposable
{
    /// <summary>Shapes that are kept: those of live batches are few; tails have any length.</summary>
    private const int MaxShapes = 16;

    private readonly string[] _inputs = OnnxSessions.Inputs(layout);
    private readonly string[] _outputs = OnnxSessions.Outputs(layout, session);
    private readonly Dictionary<(int Batch, int Frames), Bound> _shapes = [];
    private readonly long* _committed = (long*)NativeMemory.AllocZeroed(sizeof(long));
    private NativeBuffer _features, _first, _state, _nextState, _columns;

    /// <summary>One step of a batch: every stream advances, or none.</summary>
    public void Step(ReadOnlySpan<StepRequest> batch, RunOptions options)
    {
        var bound = Shape(batch.Length, batch[0].Frames);
        Gather(batch);
        session.RunWithBinding(options, bound.Binding);
        Scatter(batch);
    }

    private void Gather(ReadOnlySpan<StepRequest> batch)
    {
        int frames = batch[0].Frames, bins = config.MelBins;
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

    private void Scatter(ReadOnlySpan<StepRequest> batch)
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
        Forget();
        NativeMemory.Free(_committed);
        foreach (var buffer in (ReadOnlySpan<NativeBuffer>)[_features, _first, _state, _nextState, _columns])
        {
            NativeMemory.AlignedFree(buffer.Pointer);
        }
    }

    /// <summary>Item <paramref name="item"/> of a state tensor of the whole batch: tensors lie one after the other, each [B, ..].</summary>
    private static Span<float> Part(NativeBuffer buffer, StateTensor tensor, int batch, int item) =>
        new(buffer.Pointer + (nint)tensor.Offset * batch + (nint)tensor.Length * item, tensor.Length);

    private Bound Shape(int batch, int frames)
    {
        if (_shapes.TryGetValue((batch, frames), out var known))
        {
            return known;
        }
        var columns = DassConfig.ColumnsOf(frames);
        var moved = _features.Grow((nint)batch * config.MelBins * frames) | _first.Grow(batch)
            | _state.Grow((nint)batch * layout.Length) | _nextState.Grow((nint)batch * layout.Length)
            | _columns.Grow((nint)batch * columns * config.Dims[^1]);
        if (moved || _shapes.Count == MaxShapes)
        {
            Forget();
        }
        var bound = _shapes[(batch, frames)] = new Bound(session);
        bound.Input(_inputs[0], _features.Pointer, batch, config.MelBins, frames, 1);
        bound.Input(_inputs[1], _first.Pointer, TensorElementType.Int32, sizeof(int), batch);
        bound.Input(_inputs[2], _committed, TensorElementType.Int64, sizeof(long), 1);
        for (var i = 0; i < layout.Tensors.Length; i++)
        {
            var tensor = layout.Tensors[i];
            long[] shape = [batch, .. tensor.Shape];
            bound.Input(_inputs[3 + i], _state.Pointer + (nint)tensor.Offset * batch, shape);
            bound.Output(_outputs[i], _nextState.Pointer + (nint)tensor.Offset * batch, shape);
        }
        bound.Output(_outputs[^1], _columns.Pointer, batch, columns, config.Dims[^1]);
        return bound;
    }

    private void Forget()
    {
        foreach (var bound in _shapes.Values)
        {
            bound.Dispose();
        }
        _shapes.Clear();
    }

    /// <summary>A shape's places in the buffers, by the names of the graph.</summary>
    private sealed class Bound(InferenceSession session) : IDisposable
    {
        private readonly List<OrtValue> _values = [];

        public OrtIoBinding Binding { get; } = session.CreateIoBinding();

        public void Input(string name, float* data, params long[] shape) =>
            Input(name, data, TensorElementType.Float, sizeof(float), shape);

        public void Input(string name, void* data, TensorElementType type, int elementBytes, params long[] shape) =>
            Binding.BindInput(name, Value(data, type, elementBytes, shape));

        public void Output(string name, float* data, params long[] shape) =>
            Binding.BindOutput(name, Value(data, TensorElementType.Float, sizeof(float), shape));

        public void Dispose()
        {
            Binding.Dispose();
            _values.ForEach(value => value.Dispose());
        }

        private OrtValue Value(void* data, TensorElementType type, int elementBytes, long[] shape)
        {
            var bytes = shape.Aggregate((long)elementBytes, (product, n) => product * n);
            var value = OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, type, shape, (nint)data, bytes);
            _values.Add(value);
            return value;
        }
    }

    /// <summary>Aligned native memory that only grows.</summary>
    private struct NativeBuffer
    {
        private nint _length;

        public float* Pointer { get; private set; }

        /// <returns>Whether it lies elsewhere now.</returns>
        public bool Grow(nint floats)
        {
            if (floats <= _length)
            {
                return false;
            }
            NativeMemory.AlignedFree(Pointer);
            Pointer = null; // there may be no memory for the next
            _length = 0;
            Pointer = (float*)NativeMemory.AlignedAlloc((nuint)floats * sizeof(float), 64);
            _length = floats;
            return true;
        }
    }
}
