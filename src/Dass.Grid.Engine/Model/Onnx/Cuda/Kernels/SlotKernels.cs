namespace Dass.Grid.Engine.Model.Onnx.Cuda.Kernels;

/// <summary>Parameters of the kernels that move states between slots and a batch.</summary>
internal struct SlotArguments
{
    public int Batch, Tensors, SlotLength, LaneBits;

    /// <summary>All slots of the arena.</summary>
    public DevicePointer<float> Slots;

    /// <summary>The slot of each stream of the batch.</summary>
    public DevicePointer<int> Indices;

    /// <summary>Floats of a slot before each tensor, and behind them the length of a slot: [Tensors + 1].</summary>
    public DevicePointer<int> Offsets;

    /// <summary>The tensors of the whole batch one after the other, each [Batch, ..].</summary>
    public DevicePointer<float> States;
}

/// <summary>A row of work is one tensor of one stream.</summary>
internal static unsafe class SlotKernels
{
    public static void Gather(SlotArguments a)
    {
        float* slots = a.Slots.Pointer, states = a.States.Pointer;
        int* indices = a.Indices.Pointer, offsets = a.Offsets.Pointer;
        var share = RowShare.Of(a.LaneBits);
        for (var row = share.Row; row < (long)a.Batch * a.Tensors; row += share.Step)
        {
            var item = (int)(row / a.Tensors);
            var tensor = (int)(row - (long)item * a.Tensors);
            int offset = offsets[tensor], length = offsets[tensor + 1] - offset;
            long slot = (long)indices[item] * a.SlotLength + offset, state = (long)offset * a.Batch + (long)item * length;
            for (var i = share.Lane; i < length; i += share.Lanes)
            {
                states[state + i] = slots[slot + i];
            }
        }
    }

    public static void Scatter(SlotArguments a)
    {
        float* slots = a.Slots.Pointer, states = a.States.Pointer;
        int* indices = a.Indices.Pointer, offsets = a.Offsets.Pointer;
        var share = RowShare.Of(a.LaneBits);
        for (var row = share.Row; row < (long)a.Batch * a.Tensors; row += share.Step)
        {
            var item = (int)(row / a.Tensors);
            var tensor = (int)(row - (long)item * a.Tensors);
            int offset = offsets[tensor], length = offsets[tensor + 1] - offset;
            long slot = (long)indices[item] * a.SlotLength + offset, state = (long)offset * a.Batch + (long)item * length;
            for (var i = share.Lane; i < length; i += share.Lanes)
            {
                slots[slot + i] = states[state + i];
            }
        }
    }
}
