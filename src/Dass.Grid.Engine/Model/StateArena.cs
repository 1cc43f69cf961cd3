using System.Runtime.InteropServices;

namespace Dass.Grid.Engine.Model;

/// <summary>The recurrent states of all streams of one model on one device: a fixed number of slots in one allocation.</summary>
/// <remarks>The pages of a slot cost memory only once the slot has been used.</remarks>
public sealed unsafe class StateArena : IDisposable
{
    private readonly float* _values;
    private readonly Stack<StateSlot> _free = new();
    private readonly Lock _gate = new();
    private bool _disposed;

    /// <param name="layout">What one slot holds.</param>
    /// <param name="capacity">Slots; at least 1.</param>
    public StateArena(StateLayout layout, int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        Layout = layout;
        Capacity = capacity;
        _values = (float*)NativeMemory.AllocZeroed((nuint)capacity * (nuint)layout.Length, sizeof(float));
        for (var i = capacity - 1; i >= 0; i--)
        {
            _free.Push(new StateSlot(this, i, _values + (nint)i * layout.Length));
        }
    }

    public StateLayout Layout { get; }

    /// <summary>Slots in all.</summary>
    public int Capacity { get; }

    /// <summary>Slots that streams hold now.</summary>
    public int Used
    {
        get
        {
            lock (_gate)
            {
                return Capacity - _free.Count;
            }
        }
    }

    /// <summary>A zeroed slot at position 0, or null when every slot is taken.</summary>
    public StateSlot? TryRent()
    {
        StateSlot? slot;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_free.TryPop(out slot))
            {
                return null;
            }
        }
        slot.Rent();
        return slot;
    }

    internal void Return(StateSlot slot)
    {
        lock (_gate)
        {
            _free.Push(slot);
            FreeWhenUnused();
        }
    }

    /// <summary>Rents no more slots, and frees the memory when the last slot has come back.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (!_disposed)
            {
                _disposed = true;
                FreeWhenUnused();
            }
        }
    }

    private void FreeWhenUnused()
    {
        if (_disposed && _free.Count == Capacity)
        {
            NativeMemory.Free(_values);
        }
    }
}

/// <summary>
/// One stream's recurrent state and position. Disposing gives it back to its arena, once for each rent; one owner at a time.
/// </summary>
public sealed unsafe class StateSlot : IDisposable
{
    private readonly StateArena _arena;
    private readonly float* _values;
    private int _rented;

    internal StateSlot(StateArena arena, int index, float* values)
    {
        _arena = arena;
        _values = values;
        Index = index;
    }

    /// <summary>Place in the arena, from 0.</summary>
    public int Index { get; }

    /// <summary>Frames that the stream has committed. 0 means that the next step is the stream's first.</summary>
    public long CommittedFrames { get; set; }

    /// <summary>All state tensors in the order of <see cref="StateLayout"/>.</summary>
    /// <exception cref="ObjectDisposedException">The slot has been given back.</exception>
    public Span<float> Values
    {
        get
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _rented) == 0, this);
            return new(_values, _arena.Layout.Length);
        }
    }

    /// <summary>The part of <see cref="Values"/> that is <paramref name="tensor"/>.</summary>
    public Span<float> this[StateTensor tensor] => Values.Slice(tensor.Offset, tensor.Length);

    /// <summary>Back to the start of a stream: zeros, position 0.</summary>
    public void Reset()
    {
        CommittedFrames = 0;
        Values.Clear();
    }

    internal void Rent()
    {
        Volatile.Write(ref _rented, 1);
        Reset();
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _rented, 0) == 1)
        {
            _arena.Return(this);
        }
    }
}
