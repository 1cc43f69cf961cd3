using System.Runtime.InteropServices;

namespace Dass.Grid.Engine.Model.Onnx.Cuda;

/// <summary>The entries of CUDA's driver that a step needs. The C names, each with the version that its header gives it.</summary>
internal static unsafe partial class CudaDriver
{
    public const string Library = "libcuda.so.1";

    private const int OutOfMemory = 2;

    // From cuda.h: what is wrong after these stays wrong in this process. 46 unavailable, 100 no device, 101 invalid device, 201 invalid
    // context, 214 ECC, 219 NVLink, 226 contained, 700 address, 702 timeout, 709 context destroyed, 710 assert, 714 stack, 715
    // instruction, 716 misaligned, 717 address space, 718 program counter, 719 launch failed, 999 unknown.
    private static ReadOnlySpan<int> Lasting => [46, 100, 101, 201, 214, 219, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 999];

    /// <exception cref="DeviceMemoryException">The device's memory did not suffice.</exception>
    /// <exception cref="DeviceLostException">Nothing can run on the device any more in this process.</exception>
    /// <exception cref="InvalidOperationException">Another failure.</exception>
    public static void Check(int status, string what)
    {
        if (status == 0)
        {
            return;
        }
        byte* name = null, text = null;
        _ = cuGetErrorName(status, &name);
        _ = cuGetErrorString(status, &text);
        var message = $"CUDA's driver refused to {what}: {Marshal.PtrToStringUTF8((nint)name) ?? "error"} ({status}), "
            + $"{Marshal.PtrToStringUTF8((nint)text) ?? "unknown"}.";
        throw status == OutOfMemory ? new DeviceMemoryException(message)
            : Lasting.Contains(status) ? new DeviceLostException(message)
            : new InvalidOperationException(message);
    }

    [LibraryImport(Library)]
    public static partial int cuInit(uint flags);

    [LibraryImport(Library)]
    public static partial int cuDeviceGetCount(out int count);

    [LibraryImport(Library)]
    public static partial int cuDeviceGet(out int device, int ordinal);

    [LibraryImport(Library)]
    public static partial int cuDeviceGetName(byte* name, int length, int device);

    [LibraryImport(Library, EntryPoint = "cuDeviceTotalMem_v2")]
    public static partial int cuDeviceTotalMem(out nuint bytes, int device);

    [LibraryImport(Library)]
    public static partial int cuDevicePrimaryCtxRetain(out nint context, int device);

    [LibraryImport(Library)]
    public static partial int cuCtxSetCurrent(nint context);

    [LibraryImport(Library, EntryPoint = "cuMemGetInfo_v2")]
    public static partial int cuMemGetInfo(out nuint free, out nuint total);

    [LibraryImport(Library)]
    public static partial int cuModuleLoadDataEx(out nint module, byte* image, uint options, int* keys, void** values);

    [LibraryImport(Library)]
    public static partial int cuModuleGetFunction(out nint function, nint module, byte* name);

    [LibraryImport(Library)]
    public static partial int cuLaunchKernel(
        nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes, nint stream,
        void** parameters, void** extra);

    [LibraryImport(Library, EntryPoint = "cuMemAlloc_v2")]
    public static partial int cuMemAlloc(out nint address, nuint bytes);

    [LibraryImport(Library, EntryPoint = "cuMemFree_v2")]
    public static partial int cuMemFree(nint address);

    [LibraryImport(Library)]
    public static partial int cuMemHostAlloc(out nint address, nuint bytes, uint flags);

    [LibraryImport(Library)]
    public static partial int cuMemFreeHost(nint address);

    [LibraryImport(Library, EntryPoint = "cuMemcpyHtoDAsync_v2")]
    public static partial int cuMemcpyHtoDAsync(nint device, nint host, nuint bytes, nint stream);

    [LibraryImport(Library, EntryPoint = "cuMemcpyDtoHAsync_v2")]
    public static partial int cuMemcpyDtoHAsync(nint host, nint device, nuint bytes, nint stream);

    [LibraryImport(Library)]
    public static partial int cuMemsetD8Async(nint device, byte value, nuint bytes, nint stream);

    [LibraryImport(Library)]
    public static partial int cuStreamCreate(out nint stream, uint flags);

    [LibraryImport(Library, EntryPoint = "cuStreamDestroy_v2")]
    public static partial int cuStreamDestroy(nint stream);

    [LibraryImport(Library)]
    public static partial int cuStreamSynchronize(nint stream);

    [LibraryImport(Library)]
    private static partial int cuGetErrorName(int status, byte** name);

    [LibraryImport(Library)]
    private static partial int cuGetErrorString(int status, byte** text);
}
