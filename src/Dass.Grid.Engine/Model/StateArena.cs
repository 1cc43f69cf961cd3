namespace Dass.Grid.Engine.Model;

/// <summary>The recurrent states of all streams of one model on one device: a fixed number of slots in one memory.</summary>
public sealed class StateArena : IDisposable
{
    private readonly Stack<StateSlot> _free = new();
    private readonly Lock _gate = new();
    private bool _disposed;

    /// <param name="memory">Becomes the arena's; holds at least one slot.</param>
    public StateArena(SlotMemory memory)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(memory.Slots, 1);
        Memory = memory;
        for (var i = Capacity - 1; i >= 0; i--)
        {
            _free.Push(new StateSlot(this, i));
        }
    }

    /// <summary>An arena in the host's memory.</summary>
    public StateArena(StateLayout layout, int capacity)
        : this(new HostSlotMemory(capacity, layout.Length))
    {
    }

    /// <summary>Slots in all.</summary>
    public int Capacity => Memory.Slots;

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

    internal SlotMemory Memory { get; }

    /// <summary>A zeroed slot at position 0, or null when every slot is taken.</summary>
    /// <exception cref="DeviceLostException">The device answers no more.</exception>
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
        try
        {
            slot.Rent();
            return slot;
        }
        catch
        {
            slot.Dispose();
            throw;
        }
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
            Memory.Dispose();
        }
    }
}

/// <summary>
/// One stream's recurrent state and position. Disposing gives it back to its arena, once for each rent; one owner at a time.
/// </summary>
public sealed class StateSlot : IDisposable
{
    private readonly StateArena _arena;
    private readonly HostSlotMemory? _host;
    private int _rented;

    internal StateSlot(StateArena arena, int index)
    {
        _arena = arena;
        _host = arena.Memory as HostSlotMemory;
        Index = index;
    }

    /// <summary>Place in the arena, from 0.</summary>
    public int Index { get; }

    /// <summary>Frames that the stream has committed. 0 means that the next step is the stream's first.</summary>
    public long CommittedFrames { get; set; }

    /// <summary>Floats of the state: all tensors in the order of <see cref="StateLayout"/>.</summary>
    public int Length => _arena.Memory.SlotLength;

    /// <summary>
    /// The last check of a batch with this slot: <see cref="StepRequest.CheckBatch"/> finds a slot that is there twice by it. No slot is in
    /// two batches at once.
    /// </summary>
    internal long LastCheck { get; set; }

    /// <summary>Where the state lies.</summary>
    internal SlotMemory Memory => _arena.Memory;

    /// <summary>A tensor of a state that lies in the host's memory.</summary>
    /// <exception cref="InvalidOperationException">It lies elsewhere.</exception>
    internal Span<float> this[StateTensor tensor]
    {
        get
        {
            CheckRented();
            return (_host ?? throw new InvalidOperationException("The stream's state lies on another device than the model."))[Index]
                .Slice(tensor.Offset, tensor.Length);
        }
    }

    /// <summary>Copies the state.</summary>
    /// <param name="to">Of <see cref="Length"/>.</param>
    /// <exception cref="ObjectDisposedException">The slot has been given back.</exception>
    /// <exception cref="DeviceLostException">The device answers no more.</exception>
    public void Read(Span<float> to)
    {
        CheckRented();
        ArgumentOutOfRangeException.ThrowIfNotEqual(to.Length, Length);
        _arena.Memory.Read(Index, to);
    }

    /// <summary>Replaces the state.</summary>
    /// <param name="from">Of <see cref="Length"/>.</param>
    /// <exception cref="ObjectDisposedException">The slot has been given back.</exception>
    /// <exception cref="DeviceLostException">The device answers no more.</exception>
    public void Write(ReadOnlySpan<float> from)
    {
        CheckRented();
        ArgumentOutOfRangeException.ThrowIfNotEqual(from.Length, Length);
        _arena.Memory.Write(Index, from);
    }

    /// <summary>Back to the start of a stream: zeros, position 0.</summary>
    /// <exception cref="ObjectDisposedException">The slot has been given back.</exception>
    /// <exception cref="DeviceLostException">The device answers no more.</exception>
    public void Reset()
    {
        CheckRented();
        CommittedFrames = 0;
        _arena.Memory.Clear(Index);
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

    private void CheckRented() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _rented) == 0, this);
}
