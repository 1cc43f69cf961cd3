using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Dass.Grid.Engine.Model.Onnx.Native;
using Microsoft.ML.OnnxRuntime;

namespace Dass.Grid.Engine.Model.Onnx.Cuda;

/// <summary>
/// An NVIDIA card through CUDA's driver, in the context that ONNX Runtime uses as well. One for each card of the process; it is never
/// released, because modules and sessions may use it to the end.
/// </summary>
internal sealed unsafe class CudaDevice : Device
{
    private const int BlockSize = 256;
    private const int WarpBits = 5;
    private const uint NonBlocking = 1; // CU_STREAM_NON_BLOCKING: no waiting for CUDA's default stream, which nothing here uses

    private static readonly ConcurrentDictionary<int, Lazy<CudaDevice>> Opened = new();

    private readonly int _index;
    private readonly nint _context;
    private readonly Dictionary<DeviceKernel, nint> _functions;

    private CudaDevice(int index)
    {
        _index = index;
        CudaDriver.Check(CudaDriver.cuInit(0), "start");
        CudaDriver.Check(CudaDriver.cuDeviceGet(out var device, index), $"open device {index}");
        CudaDriver.Check(CudaDriver.cuDevicePrimaryCtxRetain(out _context, device), "give its context");
        Enter();
        var name = stackalloc byte[256];
        CudaDriver.Check(CudaDriver.cuDeviceGetName(name, 256, device), "name the device");
        CudaDriver.Check(CudaDriver.cuDeviceTotalMem(out var bytes, device), "tell its memory");
        Info = new DeviceInfo(Marshal.PtrToStringUTF8((nint)name) ?? "CUDA", (long)bytes, index);
        Memory = new OrtMemoryInfo("Cuda", OrtAllocatorType.DeviceAllocator, index, OrtMemType.Default);
        using var compiler = new PtxCompiler();
        (_functions, Rejected) = Load(DeviceKernels.All.Select(kernel => (kernel, compiler.Compile(kernel))));
    }

    /// <summary>Opens a card, or says why it cannot be used.</summary>
    /// <param name="index">From 0, as CUDA_VISIBLE_DEVICES leaves them.</param>
    public static (CudaDevice? Device, string? Obstacle) Open(int index)
    {
        var (device, obstacle) = OpenPartly(index);
        return device is { Rejected.Count: > 0 } ? (null, string.Join(' ', device.Rejected.Values)) : (device, obstacle);
    }

    /// <summary>Opens a card even if its driver rejects kernels: those cannot be launched.</summary>
    public static (CudaDevice? Device, string? Obstacle) OpenPartly(int index)
    {
        if (!OperatingSystem.IsLinux())
        {
            return (null, "CUDA is used under Linux only.");
        }
        if (CudaLibraries.FirstMissing() is { } missing)
        {
            return (null, missing);
        }
        var opened = Opened.GetOrAdd(index, static i => new Lazy<CudaDevice>(() => new CudaDevice(i)));
        try
        {
            return (opened.Value, null);
        }
        catch (Exception exception)
            when (exception is InvalidOperationException or DeviceLostException or DeviceMemoryException or EntryPointNotFoundException)
        {
            Opened.TryRemove(KeyValuePair.Create(index, opened)); // what failed may pass: the next model tries again
            return (null, exception.Message);
        }
    }

    public override DeviceInfo Info { get; }

    /// <summary>Kernels that the driver does not compile, with what it says of each.</summary>
    public IReadOnlyDictionary<DeviceKernel, string> Rejected { get; }

    /// <summary>
    /// For measurements: seconds by kernel. While it is set, each launch waits for what came before, which is ONNX Runtime's, and for
    /// itself. Null: off.
    /// </summary>
    public Dictionary<string, double>? Profile { get; set; }

    public override long FreeBytes
    {
        get
        {
            Enter();
            CudaDriver.Check(CudaDriver.cuMemGetInfo(out var free, out _), "tell its free memory");
            return (long)free;
        }
    }

    public override int LargestBatch => 1024; // by the model of an H100 50 ms of DASS-small; not measured on a card

    public override string Provider => "CUDAExecutionProvider";

    public override OrtMemoryInfo Memory { get; }

    public override void AddProvider(SessionOptions options, nint stream, StepPrecision precision)
    {
        // With it ONNX Runtime would hold the activations of a shape twice from its second run on: where they lay, and as one block.
        options.EnableMemoryPattern = false;
        using var cuda = new OrtCUDAProviderOptions();

        // All at once: a second call would set everything back that it does not name.
        cuda.UpdateOptions(new Dictionary<string, string>
        {
            ["device_id"] = _index.ToString(CultureInfo.InvariantCulture),
            ["use_tf32"] = precision == StepPrecision.Tf32 ? "1" : "0",
            ["has_user_compute_stream"] = "1",
            ["user_compute_stream"] = stream.ToString(CultureInfo.InvariantCulture),
            ["arena_extend_strategy"] = "kSameAsRequested", // the slots need the rest
        });
        try
        {
            options.AppendExecutionProvider_CUDA(cuda);
        }
        catch (OnnxRuntimeException exception) when (!OnnxSessions.IsOutOfMemory(exception))
        {
            throw new NotSupportedException("ONNX Runtime cannot start its CUDA provider. " + exception.Message, exception);
        }
    }

    public override nint StreamOf(KernelContext context) => context.ComputeStream;

    public override int LaneBits(int length, bool together = false) =>
        together ? WarpBits : Math.Min(WarpBits, (int)Math.Log2(Math.Max(1, length)));

    public override void Launch<TArguments>(
        DeviceKernel<TArguments> kernel, TArguments arguments, long rows, int laneBits, nint stream)
    {
        Enter();
        var parameters = stackalloc void*[1];
        parameters[0] = &arguments;
        AddToProfile("copies and matrix products", stream);
        var blocks = (uint)Math.Clamp(((rows << laneBits) + BlockSize - 1) / BlockSize, 1, int.MaxValue);
        CudaDriver.Check(
            CudaDriver.cuLaunchKernel(_functions[kernel], blocks, 1, 1, BlockSize, 1, 1, 0, stream, parameters, null),
            kernel.LaunchText);
        AddToProfile(kernel.Name, stream);
    }

    private void AddToProfile(string what, nint stream)
    {
        if (Profile is { } profile)
        {
            var began = Stopwatch.GetTimestamp();
            Synchronize(stream);
            profile[what] = profile.GetValueOrDefault(what) + Stopwatch.GetElapsedTime(began).TotalSeconds;
        }
    }

    public override nint Allocate(long bytes)
    {
        Enter();
        CudaDriver.Check(CudaDriver.cuMemAlloc(out var address, (nuint)Math.Max(bytes, 1)), $"allocate {bytes:N0} bytes");
        return address;
    }

    public override void Free(nint address)
    {
        Enter();
        _ = CudaDriver.cuMemFree(address); // fails only where the device is lost, and its memory with it
    }

    public override nint AllocateHost(long bytes)
    {
        Enter();
        CudaDriver.Check(CudaDriver.cuMemHostAlloc(out var address, (nuint)Math.Max(bytes, 1), 0), $"pin {bytes:N0} bytes of the host");
        return address;
    }

    public override void FreeHost(nint address)
    {
        Enter();
        _ = CudaDriver.cuMemFreeHost(address);
    }

    public override nint CreateStream()
    {
        Enter();
        CudaDriver.Check(CudaDriver.cuStreamCreate(out var stream, NonBlocking), "create a stream");
        return stream;
    }

    public override void DestroyStream(nint stream)
    {
        Enter();
        _ = CudaDriver.cuStreamDestroy(stream);
    }

    public override void CopyIn(nint device, nint host, long bytes, nint stream)
    {
        Enter();
        CudaDriver.Check(CudaDriver.cuMemcpyHtoDAsync(device, host, (nuint)bytes, stream), "copy to the device");
    }

    public override void CopyOut(nint host, nint device, long bytes, nint stream)
    {
        Enter();
        CudaDriver.Check(CudaDriver.cuMemcpyDtoHAsync(host, device, (nuint)bytes, stream), "copy from the device");
    }

    public override void Clear(nint device, long bytes, nint stream)
    {
        Enter();
        CudaDriver.Check(CudaDriver.cuMemsetD8Async(device, 0, (nuint)bytes, stream), "clear memory");
    }

    public override void Synchronize(nint stream)
    {
        Enter();
        CudaDriver.Check(CudaDriver.cuStreamSynchronize(stream), "finish its work");
    }

    // The context belongs to the thread, and the grains' threads are many. Each time: with several cards, ONNX Runtime changes it as well.
    private void Enter() => CudaDriver.Check(CudaDriver.cuCtxSetCurrent(_context), "enter its context");

    /// <summary>Gives the driver each kernel by itself, so that one that it rejects does not hide the others.</summary>
    internal static (Dictionary<DeviceKernel, nint> Functions, Dictionary<DeviceKernel, string> Rejected) Load(
        IEnumerable<(DeviceKernel Kernel, (string Text, string Entry) Compiled)> kernels)
    {
        var (functions, rejected) = (new Dictionary<DeviceKernel, nint>(), new Dictionary<DeviceKernel, string>());
        foreach (var (kernel, (text, entry)) in kernels)
        {
            try
            {
                functions.Add(kernel, Load(kernel.Name, text, entry));
            }
            catch (InvalidOperationException exception)
            {
                rejected.Add(kernel, exception.Message);
            }
        }
        return (functions, rejected);
    }

    private static nint Load(string name, string text, string entry)
    {
        const int ErrorLog = 5, ErrorLogBytes = 6; // CU_JIT_ERROR_LOG_BUFFER and its size
        const int LogLength = 8192;
        var log = stackalloc byte[LogLength];
        log[0] = 0;
        var keys = stackalloc int[] { ErrorLog, ErrorLogBytes };
        var values = stackalloc void*[] { log, (void*)LogLength };
        fixed (byte* image = Encoding.ASCII.GetBytes(text + '\0'), symbol = Encoding.ASCII.GetBytes(entry + '\0'))
        {
            var status = CudaDriver.cuModuleLoadDataEx(out var module, image, 2, keys, values);
            CudaDriver.Check(status, $"compile {name} ({Marshal.PtrToStringUTF8((nint)log)})");
            CudaDriver.Check(CudaDriver.cuModuleGetFunction(out var function, module, symbol), $"find {entry} in {name}");
            return function;
        }
    }
}
