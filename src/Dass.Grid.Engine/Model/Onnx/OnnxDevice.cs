using Microsoft.ML.OnnxRuntime;

namespace Dass.Grid.Engine.Model.Onnx;

/// <summary>Where the matrix products run. The custom operators run on the processor in every case.</summary>
public enum OnnxDevice
{
    /// <summary>CUDA when this build and this machine have it, else the processor.</summary>
    Auto,
    Cpu,

    /// <summary>CUDA or an error.</summary>
    Cuda,
}

internal static class OnnxDevices
{
    /// <summary>Adds the provider that <paramref name="wanted"/> asks for.</summary>
    /// <returns>The device that will be used, and why it is not the wanted one (null: it is).</returns>
    /// <exception cref="NotSupportedException">CUDA was demanded and cannot be used.</exception>
    public static (OnnxDevice Used, string? Warning) Configure(SessionOptions options, OnnxDevice wanted)
    {
        if (wanted == OnnxDevice.Cpu)
        {
            return (OnnxDevice.Cpu, null);
        }
        var obstacle = TryAddCuda(options);
        if (obstacle is null)
        {
            return (OnnxDevice.Cuda, null);
        }
        return wanted == OnnxDevice.Cuda
            ? throw new NotSupportedException($"Device 'Cuda' was demanded: {obstacle}")
            : (OnnxDevice.Cpu, Offered ? $"Running on the processor: {obstacle}" : null);
    }

#if CUDA
    private const bool Offered = true;

    private static string? TryAddCuda(SessionOptions options)
    {
        try
        {
            options.AppendExecutionProvider_CUDA();
            return null;
        }
        catch (OnnxRuntimeException exception)
        {
            return "ONNX Runtime cannot start its CUDA provider. Check the driver and the CUDA and cuDNN libraries. " + exception.Message;
        }
    }
#else
    private const bool Offered = false;

    private static string? TryAddCuda(SessionOptions options) =>
        "this build is linked with the processor-only ONNX Runtime. Build with -p:Accelerator=Cuda.";
#endif
}
