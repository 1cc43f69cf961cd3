using Dass.Grid.Engine.Model.Onnx.Cuda;
using Microsoft.ML.OnnxRuntime;

namespace Dass.Grid.Engine.Model.Onnx;

/// <summary>Where the network runs.</summary>
public enum OnnxDevice
{
    /// <summary>CUDA when this build and this machine have it, else the processor.</summary>
    Auto,
    Cpu,

    /// <summary>CUDA or an error.</summary>
    Cuda,
}

/// <summary>How matrices are multiplied.</summary>
public enum StepPrecision
{
    /// <summary>All 24 bits of each factor: scores are the same on every device within 1e-5.</summary>
    Fp32,

    /// <summary>
    /// 11 bits of each factor, summed in 24: several times as fast on Ampere cards and later. On a processor as Fp32: a grid that computes
    /// so should have cards in all its silos, else a stream that moves hears an event at its threshold another way.
    /// </summary>
    Tf32,

    /// <summary>
    /// 8 bits of each factor, summed exactly: more than twice the streams of a processor, at scores that differ a little. Its streams are
    /// those of another model. Not on a GPU.
    /// </summary>
    Int8,
}

internal static class OnnxDevices
{
    /// <summary>The step model on the device that is wanted.</summary>
    /// <param name="model">Whose weights.</param>
    /// <param name="wanted">Which device.</param>
    /// <param name="index">Which of several cards, from 0.</param>
    /// <param name="precision">How it multiplies. Int8 is the model's own matter, and the processor's.</param>
    /// <param name="threads">That share a step's matrix products on the processor.</param>
    /// <exception cref="NotSupportedException">CUDA was demanded and cannot be used.</exception>
    public static IStepModel Create(DassModel model, OnnxDevice wanted, int index, StepPrecision precision, int threads = 1)
    {
        if (precision == StepPrecision.Int8 && wanted == OnnxDevice.Cuda)
        {
            throw new NotSupportedException("Device 'Cuda' was demanded with precision Int8; a GPU computes in Fp32 or Tf32.");
        }
        if (wanted == OnnxDevice.Cpu || precision == StepPrecision.Int8)
        {
            return new OnnxStepModel(model, threads: threads);
        }
        var (device, obstacle) = Open(index);
        try
        {
            if (device is not null)
            {
                return new DeviceStepModel(model, device, precision);
            }
        }
        catch (Exception exception) when (exception is NotSupportedException || (wanted == OnnxDevice.Auto && IsOfDevice(exception)))
        {
            obstacle = exception.Message;
        }
        return wanted == OnnxDevice.Cuda
            ? throw new NotSupportedException($"Device 'Cuda' was demanded: {obstacle}")
            : new OnnxStepModel(model, Offered ? $"Running on the processor: {obstacle}" : null, threads);
    }

    /// <summary>A card that is full or fails, which says nothing of the model.</summary>
    private static bool IsOfDevice(Exception exception) =>
        exception is OnnxRuntimeException or DeviceMemoryException or DeviceLostException;

#if CUDA
    private const bool Offered = true;

    private static (Device? Device, string? Obstacle) Open(int index) => CudaDevice.Open(index);
#else
    private const bool Offered = false;

    private static (Device? Device, string? Obstacle) Open(int index) =>
        (null, "this build is linked with the processor-only ONNX Runtime. Build with -p:Accelerator=Cuda.");
#endif
}
