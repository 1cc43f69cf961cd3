namespace Dass.Grid.Engine.Model.Onnx.Cuda;

/// <summary>Slots in the device's memory. Single slots are copied on a stream of their own, beside the steps of other streams.</summary>
internal sealed unsafe class DeviceSlotMemory : SlotMemory
{
    // Batches need memory, too: of DASS-small about 10 MB a stream, counted from its widest activations.
    private const double ShareOfFreeMemory = 0.75;

    private readonly Device _device;
    private readonly nint _stream;
    private readonly nint _pinned;
    private readonly Lock _gate = new(); // over the one pinned buffer

    private DeviceSlotMemory(Device device, int slots, int slotLength)
        : base(slots, slotLength)
    {
        _device = device;
        Address = device.Allocate(slots * SlotBytes);
        try
        {
            _pinned = device.AllocateHost(SlotBytes);
            _stream = device.CreateStream();
        }
        catch
        {
            Free();
            throw;
        }
    }

    /// <summary>Where the first slot lies; the others follow.</summary>
    public nint Address { get; }

    public Device Device => _device;

    private long SlotBytes => (long)SlotLength * sizeof(float);

    /// <summary>As many slots as the device has memory for, up to <paramref name="slots"/>.</summary>
    /// <exception cref="DeviceMemoryException">Not even one fits.</exception>
    public static DeviceSlotMemory Create(Device device, int slots, int slotLength)
    {
        var slotBytes = (long)slotLength * sizeof(float);
        for (var fit = (int)Math.Min(slots, (long)(device.FreeBytes * ShareOfFreeMemory) / slotBytes); fit > 0; fit -= (fit + 7) / 8)
        {
            try
            {
                return new DeviceSlotMemory(device, fit, slotLength);
            }
            catch (DeviceMemoryException) when (fit > 1)
            {
                // What is free is not in one piece.
            }
        }
        throw new DeviceMemoryException($"The memory of {device.Info.Name} does not hold the state of one stream ({slotBytes:N0} bytes).");
    }

    public override void Read(int slot, Span<float> to)
    {
        lock (_gate)
        {
            _device.CopyOut(_pinned, AddressOf(slot), SlotBytes, _stream);
            _device.Synchronize(_stream);
            new ReadOnlySpan<float>((float*)_pinned, SlotLength).CopyTo(to);
        }
    }

    public override void Write(int slot, ReadOnlySpan<float> from)
    {
        lock (_gate)
        {
            from.CopyTo(new Span<float>((float*)_pinned, SlotLength));
            _device.CopyIn(AddressOf(slot), _pinned, SlotBytes, _stream);
            _device.Synchronize(_stream);
        }
    }

    public override void Clear(int slot)
    {
        lock (_gate)
        {
            _device.Clear(AddressOf(slot), SlotBytes, _stream);
            _device.Synchronize(_stream);
        }
    }

    public override void Dispose()
    {
        _device.DestroyStream(_stream);
        Free();
    }

    private void Free()
    {
        _device.FreeHost(_pinned);
        _device.Free(Address);
    }

    private nint AddressOf(int slot) => Address + (nint)(slot * SlotBytes);
}
