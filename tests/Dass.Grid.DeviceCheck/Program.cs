using System.Globalization;
using System.Runtime.InteropServices;
using Dass.Grid.DeviceCheck;
using Dass.Grid.Engine.Model.Onnx.Cuda;
using Dass.Grid.Engine.Tests.Model.Onnx.Cuda;

// Dass.Grid.DeviceCheck [--out DIRECTORY] [--seconds N]: prints as it goes; exits with 0 when all that it could check is right. After N
// seconds no part begins, and a minute later it ends in any case.
var seconds = double.TryParse(Option("--seconds"), CultureInfo.InvariantCulture, out var limit) ? limit : 180;
using var report = new Report(Console.Out, Option("--out"), seconds);
Watchdog.Start(report, seconds + 60);

if (CudaLibraries.FirstMissing() is { } missing)
{
    return report.End("libraries", missing);
}
report.Line("libraries", string.Join(' ', CudaLibraries.Names));
if (FakeLauncher.TryInstall(NativeLibrary.Load(CudaDriver.Library)))
{
    report.Line("libraries", "this is the fake CUDA of tests/cuda: times say nothing of a card; the launcher runs the kernels' methods");
}
report.Part("PTX", () => Checks.Ptx(report));
var (device, obstacle) = CudaDevice.OpenPartly(0);
if (device is null)
{
    return report.End("device", obstacle!);
}
report.On(device);
foreach (var (kernel, text) in device.Rejected)
{
    report.Claim($"PTX of {kernel.Name}", false, text);
}
report.Line("PTX", $"the driver has compiled {DeviceKernels.All.Count - device.Rejected.Count} of {DeviceKernels.All.Count} kernels");
foreach (var (name, run) in Checks.All(device, report, seconds))
{
    report.Part(name, run);
}
return report.End();

string? Option(string name) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;
