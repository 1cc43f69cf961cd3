using System.Runtime.InteropServices;
using Dass.Grid.DeviceCheck;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Model.Onnx.Cuda;
using Dass.Grid.Engine.Tests.Model;
using Dass.Grid.Engine.Tests.Model.Onnx.Cuda;

// Dass.Grid.DeviceCheck [--out DIRECTORY] [--seconds N]: prints as it goes; exits with 0 when all that it could check is right.
var report = new Report(Option("--out"));
var seconds = double.TryParse(Option("--seconds"), out var limit) ? limit : 240;

if (CudaLibraries.FirstMissing() is { } missing)
{
    return report.End("libraries", missing);
}
report.Line("libraries", string.Join(' ', CudaLibraries.Names));
if (FakeLauncher.TryInstall(NativeLibrary.Load(CudaDriver.Library)))
{
    report.Line("libraries", "this is the fake CUDA of tests/cuda: times say nothing of a card; the launcher runs the kernels' methods");
}
using (var compiler = new PtxCompiler())
{
    foreach (var kernel in DeviceKernels.All)
    {
        report.Line("PTX", $"{kernel.Name}: {compiler.Compile(kernel).Text.Length:N0} bytes, parameters of {kernel.ArgumentBytes} bytes");
    }
}
var (device, obstacle) = CudaDevice.Open(0);
if (device is null)
{
    return report.End("device", obstacle!);
}
report.Device(device.Info, device.FreeBytes);
report.Line("PTX", $"the driver has compiled all {DeviceKernels.All.Count} kernels");

KernelParts.Check(device, report);
var tiny = GoldenWeights.Tiny;
ModelParts.Parity("tiny", tiny, device, report, batch: 8, steps: 4);
ModelParts.Offline(tiny, device, report);
ModelParts.Refusals(tiny, device, report);
ModelParts.Snapshots(tiny, device, report);
if (seconds >= 60)
{
    foreach (var (name, create) in (ReadOnlySpan<(string, Func<Dass.Grid.Engine.Model.DassModel>)>)[
        ("small", GoldenWeights.Small), ("medium", GoldenWeights.Medium)])
    {
        var model = create();
        ModelParts.Parity(name, model, device, report, batch: 2, steps: 2);
        ModelParts.Tf32(name, model, device, report);
        foreach (var precision in (ReadOnlySpan<StepPrecision>)[StepPrecision.Fp32, StepPrecision.Tf32])
        {
            RateParts.Measure(name, model, device, precision, report, seconds / 6);
        }
        RateParts.Shares(name, model, device, report);
    }
}
else
{
    RateParts.Measure("tiny", tiny, device, StepPrecision.Fp32, report, seconds / 2, maxBatch: 8);
    RateParts.Shares("tiny", tiny, device, report, batch: 4);
}
return report.End();

string? Option(string name) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;
