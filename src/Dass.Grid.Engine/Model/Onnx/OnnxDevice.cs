using Dass.Grid.Engine.Model.Onnx.Cuda;

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

/// <summary>How a GPU multiplies matrices. The processor has one way, that of <see cref="Fp32"/>.</summary>
public enum StepPrecision
{
    /// <summary>All 24 bits of each factor: scores are those of a processor within 1e-5.</summary>
    Fp32,

    /// <summary>11 bits of each factor, summed in 24: several times as fast on Ampere cards and later.</summary>
    Tf32,
}

internal static class OnnxDevices
{
    /// <summary>The step model on the device that is wanted.</summary>
    /// <param name="model">Whose weights.</param>
    /// <param name="wanted">Which device.</param>
    /// <param name="index">Which of several cards, from 0.</param>
    /// <param name="precision">Of a card.</param>
    /// <exception cref="NotSupportedException">CUDA was demanded and cannot be used.</exception>
    public static IStepModel Create(DassModel model, OnnxDevice wanted, int index, StepPrecision precision)
    {
        if (wanted == OnnxDevice.Cpu)
        {
            return new OnnxStepModel(model);
        }
        var (device, obstacle) = Open(index);
        try
        {
            if (device is not null)
            {
                return new DeviceStepModel(model, device, precision);
            }
        }
        catch (NotSupportedException exception)
        {
            obstacle = exception.Message;
        }
        return wanted == OnnxDevice.Cuda
            ? throw new NotSupportedException($"Device 'Cuda' was demanded: {obstacle}")
            : new OnnxStepModel(model, Offered ? $"Running on the processor: {obstacle}" : null);
    }

#if CUDA
    private const bool Offered = true;

    private static (Device? Device, string? Obstacle) Open(int index) => CudaDevice.Open(index);
#else
    private const bool Offered = false;

    private static (Device? Device, string? Obstacle) Open(int index) =>
        (null, "this build is linked with the processor-only ONNX Runtime. Build with -p:Accelerator=Cuda.");
#endif
}
