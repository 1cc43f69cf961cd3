using Dass.Grid.Engine.Model.Onnx.Native;
using Microsoft.ML.OnnxRuntime;

namespace Dass.Grid.Engine.Model.Onnx.Cuda;

/// <summary>
/// Memory, streams and kernels of one device. A stream is a queue of copies and kernels that run in order, beside the host; its number is
/// the device's own.
/// </summary>
/// <remarks>Every method may be called from any thread.</remarks>
internal abstract unsafe class Device
{
    public abstract DeviceInfo Info { get; }

    /// <summary>Bytes of the device's memory that are free now.</summary>
    public abstract long FreeBytes { get; }

    /// <summary>Most streams of a batch that it gains by, a power of two.</summary>
    public abstract int LargestBatch { get; }

    /// <summary>The provider of ONNX Runtime that runs on it; null: the processor's.</summary>
    public abstract string? Provider { get; }

    /// <summary>Where ONNX Runtime finds values that lie in this device's memory.</summary>
    public abstract OrtMemoryInfo Memory { get; }

    /// <summary>Adds the provider and makes it queue everything on <paramref name="stream"/>.</summary>
    /// <exception cref="NotSupportedException">ONNX Runtime cannot start the provider.</exception>
    public abstract void AddProvider(SessionOptions options, nint stream, StepPrecision precision);

    /// <summary>The stream that ONNX Runtime runs a node on.</summary>
    public abstract nint StreamOf(KernelContext context);

    /// <summary>How many threads share a row of work: the binary logarithm, or <see cref="Kernels.RowShare.Alone"/>.</summary>
    /// <param name="length">Elements of a row.</param>
    /// <param name="together">The threads of a row add up a value: all threads of a warp must take the same row.</param>
    public abstract int LaneBits(int length, bool together = false);

    /// <summary>Queues a kernel.</summary>
    /// <param name="kernel">Of <see cref="DeviceKernels"/>.</param>
    /// <param name="arguments">Its parameters.</param>
    /// <param name="rows">Rows of work.</param>
    /// <param name="laneBits">How many threads share one: what <see cref="LaneBits"/> said.</param>
    /// <param name="stream">On which.</param>
    public abstract void Launch<TArguments>(
        DeviceKernel<TArguments> kernel, TArguments arguments, long rows, int laneBits, nint stream)
        where TArguments : unmanaged;

    /// <exception cref="DeviceMemoryException">There is not so much.</exception>
    public abstract nint Allocate(long bytes);

    public abstract void Free(nint address);

    /// <summary>Memory of the host that the device copies from and to beside the host's threads.</summary>
    public abstract nint AllocateHost(long bytes);

    public abstract void FreeHost(nint address);

    public abstract nint CreateStream();

    public abstract void DestroyStream(nint stream);

    /// <summary>Queues a copy from the host.</summary>
    public abstract void CopyIn(nint device, nint host, long bytes, nint stream);

    /// <summary>Queues a copy to the host.</summary>
    public abstract void CopyOut(nint host, nint device, long bytes, nint stream);

    /// <summary>Queues zeros.</summary>
    public abstract void Clear(nint device, long bytes, nint stream);

    /// <summary>Waits until the stream is empty.</summary>
    /// <exception cref="DeviceLostException">Something on the device has failed so that nothing can run on it any more.</exception>
    public abstract void Synchronize(nint stream);
}
