using Dass.Grid.Engine.Model.Onnx.Cuda;

namespace Dass.Grid.Engine.Tests.Model.Onnx.Cuda;

/// <summary>An emulated device that fails on demand: at one of its calls, or for good.</summary>
internal sealed class FailingDevice : EmulatedDevice
{
    private Exception? _lost;
    private int _held;

    /// <summary>Calls until the next failure; negative: none.</summary>
    public int FailsAfter { get; set; } = -1;

    /// <summary>What the failing call throws.</summary>
    public Func<Exception> Failure { get; set; } = () => new InvalidOperationException("refused on purpose");

    /// <summary>Bytes of memory that it has.</summary>
    public long MemoryBytes { get; set; } = long.MaxValue;

    public override long FreeBytes => MemoryBytes;

    /// <summary>Blocks of the device and the host, and streams, that have not been given back.</summary>
    public int Held => _held;

    /// <summary>From now on it answers nothing.</summary>
    public void Lose() => _lost = new DeviceLostException("lost on purpose");

    public override void Launch<TArguments>(
        DeviceKernel<TArguments> kernel, TArguments arguments, long rows, int laneBits, nint stream)
    {
        Call();
        base.Launch(kernel, arguments, rows, laneBits, stream);
    }

    public override nint Allocate(long bytes)
    {
        Call();
        return bytes <= MemoryBytes ? Hold(base.Allocate(bytes)) : throw new DeviceMemoryException($"no {bytes} bytes");
    }

    public override void Free(nint address)
    {
        Release(address);
        base.Free(address);
    }

    public override nint AllocateHost(long bytes)
    {
        Call();
        return Hold(base.AllocateHost(bytes));
    }

    public override void FreeHost(nint address)
    {
        Release(address);
        base.FreeHost(address);
    }

    public override nint CreateStream()
    {
        Call();
        return Hold(1);
    }

    public override void DestroyStream(nint stream) => Release(stream);

    public override void CopyIn(nint device, nint host, long bytes, nint stream)
    {
        Call();
        base.CopyIn(device, host, bytes, stream);
    }

    public override void CopyOut(nint host, nint device, long bytes, nint stream)
    {
        Call();
        base.CopyOut(host, device, bytes, stream);
    }

    public override void Clear(nint device, long bytes, nint stream)
    {
        Call();
        base.Clear(device, bytes, stream);
    }

    public override void Synchronize(nint stream)
    {
        if (_lost is not null)
        {
            throw new DeviceLostException(_lost.Message);
        }
    }

    private nint Hold(nint what)
    {
        Interlocked.Increment(ref _held);
        return what;
    }

    private void Release(nint what)
    {
        if (what != 0)
        {
            Interlocked.Decrement(ref _held);
        }
    }

    private void Call()
    {
        Synchronize(0);
        if (FailsAfter >= 0 && FailsAfter-- == 0)
        {
            throw Failure();
        }
    }
}
