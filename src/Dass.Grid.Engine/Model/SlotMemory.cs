using System.Runtime.InteropServices;

namespace Dass.Grid.Engine.Model;

/// <summary>Where the slots of an arena lie: in the host's memory or in a device's.</summary>
/// <param name="slots">Slots that it holds: fewer than were asked for where the device's memory ends before.</param>
/// <param name="slotLength">Floats of one slot.</param>
/// <remarks>Several threads may use it at once, each on slots of its own.</remarks>
public abstract class SlotMemory(int slots, int slotLength) : IDisposable
{
    public int Slots { get; } = slots;

    /// <summary>Floats of one slot.</summary>
    public int SlotLength { get; } = slotLength;

    /// <summary>Copies a whole slot; blocks until the copy is there.</summary>
    /// <exception cref="DeviceLostException">The device answers no more. So with the other methods.</exception>
    public abstract void Read(int slot, Span<float> to);

    /// <summary>Replaces a whole slot; blocks until it is replaced.</summary>
    public abstract void Write(int slot, ReadOnlySpan<float> from);

    /// <summary>Sets a whole slot to zeros.</summary>
    public abstract void Clear(int slot);

    public abstract void Dispose();
}

/// <summary>Slots in one allocation of the host. The pages of a slot cost memory only once the slot has been used.</summary>
internal sealed unsafe class HostSlotMemory(int slots, int slotLength) : SlotMemory(slots, slotLength)
{
    private readonly float* _values = (float*)NativeMemory.AllocZeroed((nuint)slots * (nuint)slotLength, sizeof(float));

    public Span<float> this[int slot] => new(_values + (nint)slot * SlotLength, SlotLength);

    public override void Read(int slot, Span<float> to) => this[slot].CopyTo(to);

    public override void Write(int slot, ReadOnlySpan<float> from) => from.CopyTo(this[slot]);

    public override void Clear(int slot) => this[slot].Clear();

    public override void Dispose() => NativeMemory.Free(_values);
}
