using System.Diagnostics;
using System.Runtime.InteropServices;
using Dass.Grid.Engine.Model.Onnx.Cuda;
using Dass.Grid.Tests;

namespace Dass.Grid.Engine.Tests.Model.Onnx.Cuda;

/// <summary>
/// A test of ONNX Runtime's real CUDA provider on the fake CUDA of <c>tests/cuda</c>. It needs the engine built with the provider, and gcc.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class FakeCudaFactAttribute : NeedsFactAttribute
{
    public FakeCudaFactAttribute()
        : base("gcc", "gcc libc6-dev")
    {
        if (!File.Exists(Path.Combine(AppContext.BaseDirectory, "libonnxruntime_providers_cuda.so")))
        {
            Skip = "built without ONNX Runtime's CUDA provider: dotnet test -p:Accelerator=Cuda tests/Dass.Grid.Engine.Tests";
            File.AppendAllText(Path.Combine(AppContext.BaseDirectory, "skipped.txt"), $"{Skip}\n");
        }
    }
}

/// <summary>
/// Tests that use it run beside no others: once it is loaded, every engine that takes the best device takes this one, and would be counted.
/// </summary>
[CollectionDefinition(nameof(FakeCuda), DisableParallelization = true)]
public class FakeCudaCollection;

/// <summary>The fake CUDA, built and loaded: ahead of the provider, which then finds it by the names that it is linked with.</summary>
internal static unsafe class FakeCuda
{
    /// <summary>In the place of a stream: there were several.</summary>
    public const nint Mixed = -1;

    private static readonly Dictionary<string, nint> Loaded = [];

    public static void Load()
    {
        if (Loaded.Count > 0)
        {
            return;
        }
        var folder = Directory.CreateTempSubdirectory("dass-fake-cuda-").FullName;
        using var build = Process.Start("bash", [Path.Combine(AppContext.BaseDirectory, "cuda", "build.sh"), folder])!;
        build.WaitForExit();
        Assert.Equal(0, build.ExitCode);
        foreach (var name in CudaLibraries.Names)
        {
            Loaded.Add(name, NativeLibrary.Load(Path.Combine(folder, name)));
        }
        Assert.True(FakeLauncher.TryInstall(Loaded["libcuda.so.1"]));
    }

    /// <summary>Copies and kernels that are ONNX Runtime's own, since the last call.</summary>
    public static (long Copies, long Kernels, string Name) CountRuntime()
    {
        long copies, kernels;
        var name = stackalloc byte[512];
        ((delegate* unmanaged<long*, long*, byte*, int, void>)Entry("libcudart.so.13", "fake_runtime_count"))(&copies, &kernels, name, 512);
        return (copies, kernels, Marshal.PtrToStringUTF8((nint)name)!);
    }

    /// <summary>Matrix products, those of them in TF32, and the stream of all, since the last call.</summary>
    public static (long All, long Tf32, nint Stream) CountProducts()
    {
        long all, tf32, changes;
        nint stream;
        ((delegate* unmanaged<long*, long*, nint*, long*, void>)Entry("libcublas.so.13", "fake_blas_count"))(
            &all, &tf32, &stream, &changes);
        return (all, tf32, changes == 0 ? stream : Mixed);
    }

    /// <summary>The engine's own launches, bytes to and from the device, and the stream of all of it, since the last call.</summary>
    public static (long Kernels, long In, long Out, nint Stream) CountDriver()
    {
        long kernels, bytesIn, bytesOut, changes;
        nint stream;
        ((delegate* unmanaged<long*, long*, long*, nint*, long*, void>)Entry("libcuda.so.1", "fake_driver_count"))(
            &kernels, &bytesIn, &bytesOut, &stream, &changes);
        return (kernels, bytesIn, bytesOut, changes == 0 ? stream : Mixed);
    }

    /// <summary>Bytes that are allocated now: on the device by the engine and by ONNX Runtime, and pinned on the host.</summary>
    public static (long Engine, long Onnx, long Host) Held()
    {
        nuint device, host;
        ((delegate* unmanaged<nuint*, nuint*, void>)Entry("libcuda.so.1", "fake_driver_held"))(&device, &host);
        return ((long)device, (long)((delegate* unmanaged<nuint>)Entry("libcudart.so.13", "fake_runtime_held"))(), (long)host);
    }

    /// <summary>What the driver answers from now on; 0: it works.</summary>
    public static void Fail(int status) =>
        ((delegate* unmanaged<int, void>)Entry("libcuda.so.1", "fake_driver_fail"))(status);

    /// <summary>What a matrix product answers from now on; 0: it works.</summary>
    public static void FailProducts(int status) =>
        ((delegate* unmanaged<int, void>)Entry("libcublas.so.13", "fake_blas_fail"))(status);

    public static void LeaveMemory(long bytes) =>
        ((delegate* unmanaged<nuint, void>)Entry("libcuda.so.1", "fake_driver_memory"))((nuint)bytes);

    private static void* Entry(string library, string name) => (void*)NativeLibrary.GetExport(Loaded[library], name);
}
