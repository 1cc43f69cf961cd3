using System.Text;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Model.Onnx.Cuda;
using Dass.Grid.Engine.Tests.Model;

namespace Dass.Grid.DeviceCheck;

/// <summary>The parts of the check in their order: what matters most comes first, what may spoil the rest comes last.</summary>
internal static class Checks
{
    /// <summary>Seconds from which on there is time for the published networks.</summary>
    private const double Enough = 60;

    public static IEnumerable<(string Name, Action Run)> All(Device device, Report report, double seconds)
    {
        var tiny = GoldenWeights.Tiny;
        var parts = Right("tiny", tiny, device, report);
        parts = seconds < Enough
            ? parts.Concat(Rates("tiny", () => tiny, device, report, seconds, maxBatch: 8, stepsBeside: 5))
            : parts.Concat(Rates("small", GoldenWeights.Small, device, report, seconds / 2))
                .Concat(Rates("medium", GoldenWeights.Medium, device, report, seconds / 2));
        return parts.Append(("refusals", () => ModelParts.Refusals(tiny, device, report)));
    }

    /// <summary>The kernels alone, and whole steps of a network that the processor steps quickly, too.</summary>
    public static IEnumerable<(string Name, Action Run)> Right(string name, DassModel model, Device device, Report report) =>
    [
        .. KernelParts.All(device, report),
        ($"{name} parity", () => ModelParts.Parity(name, model, device, report, batch: 8, steps: 4)),
        ($"{name} offline", () => ModelParts.Offline(name, model, device, report)),
        ($"{name} snapshots", () => ModelParts.Snapshots(model, device, report)),
    ];

    /// <summary>A network that is too large for the processor to step often.</summary>
    public static IEnumerable<(string Name, Action Run)> Rates(
        string name, Func<DassModel> create, Device device, Report report, double seconds, int maxBatch = 1024,
        int stepsBeside = 50)
    {
        var model = new Lazy<DassModel>(create);
        yield return ($"{name} parity", () => ModelParts.Parity(name, model.Value, device, report, batch: 2, steps: 2));
        var card = device as CudaDevice; // what emulates a card has neither TF32 nor a profile
        if (card is not null)
        {
            yield return ($"{name} TF32", () => ModelParts.Tf32(name, model.Value, card, report));
        }
        yield return (
            $"{name} threads", () => ModelParts.Threads(name, model.Value, device, report, Math.Min(8, maxBatch), stepsBeside));
        foreach (var precision in (StepPrecision[])[StepPrecision.Fp32, StepPrecision.Tf32])
        {
            yield return (
                $"{name} {precision} rates",
                () => RateParts.Measure(name, model.Value, device, precision, report, seconds / 3, maxBatch));
        }
        if (card is not null)
        {
            yield return ($"{name} shares", () => RateParts.Shares(name, model.Value, card, report, Math.Min(256, maxBatch)));
        }
    }

    /// <summary>The text of all kernels, kept for the assembler of a CUDA toolkit: each begins with a line "// kernel NAME".</summary>
    public static void Ptx(Report report)
    {
        using var compiler = new PtxCompiler();
        var all = new StringBuilder();
        foreach (var kernel in DeviceKernels.All)
        {
            var (text, _) = compiler.Compile(kernel);
            all.Append("// kernel ").Append(kernel.Name).Append('\n').Append(text).Append('\n');
            report.Line("PTX", $"{kernel.Name}: {text.Length:N0} bytes, parameters of {kernel.ArgumentBytes} bytes");
        }
        report.Keep("kernels.ptx", all.ToString());
    }
}
