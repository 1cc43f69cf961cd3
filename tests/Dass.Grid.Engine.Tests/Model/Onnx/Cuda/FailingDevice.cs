using Dass.Grid.Engine.Model.Onnx.Cuda;

namespace Dass.Grid.Engine.Tests.Model.Onnx.Cuda;

/// <summary>An emulated device that fails on demand: at one of its calls, or for good.</summary>
internal sealed class FailingDevice : EmulatedDevice
{
    private Exception? _lost;

    /// <summary>Calls until the next failure; negative: none.</summary>
    public int FailsAfter { get; set; } = -1;

    /// <summary>What the failing call throws.</summary>
    public Func<Exception> Failure { get; set; } = () => new InvalidOperationException("refused on purpose");

    /// <summary>Bytes of memory that it has.</summary>
    public long MemoryBytes { get; set; } = long.MaxValue;

    public override long FreeBytes => MemoryBytes;

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
        return bytes <= MemoryBytes ? base.Allocate(bytes) : throw new DeviceMemoryException($"no {bytes} bytes");
    }

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

    private void Call()
    {
        Synchronize(0);
        if (FailsAfter >= 0 && FailsAfter-- == 0)
        {
            throw Failure();
        }
    }
}
