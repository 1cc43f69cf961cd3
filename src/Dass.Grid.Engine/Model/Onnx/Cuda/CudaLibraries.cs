using System.Runtime.InteropServices;

namespace Dass.Grid.Engine.Model.Onnx.Cuda;

/// <summary>What ONNX Runtime's CUDA provider is linked with: it fails without any of them, and names the one on stderr only.</summary>
internal static class CudaLibraries
{
    private const string Toolkit =
        "It comes with the CUDA 13 runtime: the image nvidia/cuda:13.0.1-runtime, NVIDIA's Debian package";

    // Each before those that need it, so that the first that fails is the one that is missing.
    private static readonly (string Name, string Origin)[] Needed =
    [
        (CudaDriver.Library, "It comes with NVIDIA's driver, version 580 or later; a container gets it by --gpus all."),
        ("libcudart.so.13", $"{Toolkit} cuda-cudart-13-0 or the Python wheel nvidia-cuda-runtime."),
        ("libcublasLt.so.13", $"{Toolkit} libcublas-13-0 or the Python wheel nvidia-cublas."),
        ("libcublas.so.13", $"{Toolkit} libcublas-13-0 or the Python wheel nvidia-cublas."),
        ("libcurand.so.10", $"{Toolkit} libcurand-13-0 or the Python wheel nvidia-curand."),
    ];

    public static IReadOnlyList<string> Names { get; } = [.. Needed.Select(library => library.Name)];

    /// <returns>Which library cannot be loaded, and where it comes from; null: all are there.</returns>
    public static string? FirstMissing()
    {
        foreach (var (name, origin) in Needed)
        {
            if (!NativeLibrary.TryLoad(name, out _))
            {
                return $"the library {name} cannot be loaded. {origin} A library in a folder of its own is found through LD_LIBRARY_PATH.";
            }
        }
        return null;
    }
}
