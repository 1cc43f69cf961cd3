using System.Runtime.InteropServices;
using Dass.Grid.Engine.Model.Onnx.Cuda;
using Dass.Grid.Engine.Model.Onnx.Cuda.Kernels;

namespace Dass.Grid.Engine.Tests.Model.Onnx.Cuda;

/// <summary>Runs the kernels that are launched on the fake CUDA of <c>tests/cuda</c>.</summary>
internal static unsafe class FakeLauncher
{
    /// <param name="driver">Handle of libcuda.so.1.</param>
    /// <returns>False: the driver is not the fake one, and nothing has been done.</returns>
    public static bool TryInstall(nint driver)
    {
        if (!NativeLibrary.TryGetExport(driver, "fake_driver_set", out var set))
        {
            return false;
        }
        delegate* unmanaged<int, uint, uint, nint, void**, int> launcher = &Launch;
        ((delegate* unmanaged<void*, void>)set)(launcher);
        return true;
    }

    // The parameters as a driver gets them, but for the threads: one does all rows.
    [UnmanagedCallersOnly]
    private static int Launch(int index, uint blocks, uint threads, nint stream, void** parameters)
    {
        try
        {
            switch (DeviceKernels.All[index])
            {
                case DeviceKernel<ScanArguments> kernel:
                    kernel.Entry(*(ScanArguments*)parameters[0] with { LaneBits = RowShare.Alone });
                    return 0;
                case DeviceKernel<ImageArguments> kernel:
                    kernel.Entry(*(ImageArguments*)parameters[0] with { LaneBits = RowShare.Alone });
                    return 0;
                case DeviceKernel<NormArguments> kernel:
                    kernel.Entry(*(NormArguments*)parameters[0] with { LaneBits = RowShare.Alone });
                    return 0;
                case DeviceKernel<ElementwiseArguments> kernel:
                    kernel.Entry(*(ElementwiseArguments*)parameters[0] with { LaneBits = RowShare.Alone });
                    return 0;
                case DeviceKernel<SlotArguments> kernel:
                    kernel.Entry(*(SlotArguments*)parameters[0] with { LaneBits = RowShare.Alone });
                    return 0;
                default:
                    return 500;
            }
        }
        catch (Exception exception)
        {
            Console.Error.WriteLine(exception);
            return 719;
        }
    }
}
