using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Dass.Grid.Engine.Model.Onnx.Cuda.Kernels;
using Dass.Grid.Engine.Model.Onnx.Native;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using Microsoft.ML.OnnxRuntime;

namespace Dass.Grid.Engine.Model.Onnx.Cuda;

/// <summary>
/// The device's kernels on the processor, called as methods with the parameters that a card would get, one after the other. For tests on
/// machines without a GPU: it runs everything of the device's path but the driver.
/// </summary>
/// <param name="index">Which of several, from 0.</param>
internal unsafe class EmulatedDevice(int index = 0) : Device
{
    public override DeviceInfo Info { get; } = new("emulated device", DeviceInfo.Processor.MemoryBytes, index);

    public override long FreeBytes => Info.MemoryBytes;

    public override int LargestBatch => 8; // it has nothing to gain

    public override string? Provider => null;

    public override OrtMemoryInfo Memory => OrtMemoryInfo.DefaultInstance;

    public override void AddProvider(SessionOptions options, nint stream, StepPrecision precision)
    {
    }

    public override nint StreamOf(KernelContext context) => 0;

    public override int LaneBits(int length, bool together = false) => RowShare.Alone;

    public override void Launch<TArguments>(
        DeviceKernel<TArguments> kernel, TArguments arguments, long rows, int laneBits, nint stream) => kernel.Entry(arguments);

    public override nint Allocate(long bytes) => (nint)NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 1), 256);

    public override void Free(nint address) => NativeMemory.AlignedFree((void*)address);

    public override nint AllocateHost(long bytes) => (nint)NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 1), 64);

    public override void FreeHost(nint address) => NativeMemory.AlignedFree((void*)address);

    public override nint CreateStream() => 0;

    public override void DestroyStream(nint stream)
    {
    }

    public override void CopyIn(nint device, nint host, long bytes, nint stream) =>
        Buffer.MemoryCopy((void*)host, (void*)device, bytes, bytes);

    public override void CopyOut(nint host, nint device, long bytes, nint stream) =>
        Buffer.MemoryCopy((void*)device, (void*)host, bytes, bytes);

    public override void Clear(nint device, long bytes, nint stream) => NativeMemory.Clear((void*)device, (nuint)bytes);

    public override void Synchronize(nint stream)
    {
    }
}

/// <summary>ILGPU's accelerator on the processor's threads: groups, warps and lanes as on a card.</summary>
/// <remarks>Each launch wakes all its threads, also those without work: 60 µs with two of them, milliseconds with more.</remarks>
internal sealed class Emulator : IDisposable
{
    private readonly Context _context;
    private readonly CPUAccelerator _accelerator;
    private readonly ConcurrentDictionary<DeviceKernel, Delegate> _loaded = new();
    private readonly Lock _gate = new();

    /// <param name="threads">The most that a group can have, at least 2. They are one warp.</param>
    public Emulator(int threads)
    {
        var device = new CPUDevice(threads, numWarpsPerMultiprocessor: 1, numMultiprocessors: 1);
        _context = Context.Create(builder => builder.CPU(device));
        _accelerator = _context.GetCPUDevice(0).CreateCPUAccelerator(_context);
    }

    /// <summary>Runs a kernel to its end.</summary>
    public void Run<TArguments>(DeviceKernel<TArguments> kernel, TArguments arguments, int groups, int groupSize)
        where TArguments : unmanaged
    {
        lock (_gate)
        {
            var run = (Action<KernelConfig, TArguments>)_loaded.GetOrAdd(kernel, _ => _accelerator.LoadStreamKernel(kernel.Entry));
            run(new KernelConfig(groups, groupSize), arguments);
            _accelerator.Synchronize();
        }
    }

    public void Dispose()
    {
        _accelerator.Dispose();
        _context.Dispose();
    }
}
