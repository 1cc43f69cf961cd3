using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Model.Onnx.Cuda;

namespace Dass.Grid.Engine.Streaming;

/// <summary>The implementations of the network, best first.</summary>
internal static class StepModels
{
    /// <summary>Environment variable that forces one, so that the whole suite can run under each.</summary>
    public const string Variable = "DASS_STEP_MODEL";

    /// <summary>One for each device.</summary>
    /// <exception cref="ArgumentException">The environment variable names none of them.</exception>
    public static IReadOnlyList<IStepModel> Create(DassModel model, EngineOptions options)
    {
        var forced = Environment.GetEnvironmentVariable(Variable);
        var kind = options.StepModel;
        if (!string.IsNullOrEmpty(forced) && !(Enum.TryParse(forced, ignoreCase: true, out kind) && Enum.IsDefined(kind)))
        {
            throw new ArgumentException(
                $"{Variable} is '{forced}'; it must be one of {string.Join(", ", Enum.GetNames<StepModelKind>())}.");
        }
        IReadOnlyList<IStepModel> made = kind switch
        {
            StepModelKind.Reference => [new ReferenceStepModel(model)],
            StepModelKind.DeviceOnCpu =>
                [.. Enumerable.Range(options.DeviceIndex, options.DeviceCount)
                    .Select(i => new DeviceStepModel(model, new EmulatedDevice(i)))],
            _ => CreateOnnx(model, options),
        };
        return options.WrapStepModel is { } wrap ? [.. made.Select(wrap)] : made;
    }

    // Where the first card cannot be had, one processor does; where it can, all must.
    private static List<IStepModel> CreateOnnx(DassModel model, EngineOptions options)
    {
        List<IStepModel> made =
            [OnnxDevices.Create(model, options.Device, options.DeviceIndex, options.Precision, options.StepThreads)];
        try
        {
            while (made[0] is DeviceStepModel && made.Count < options.DeviceCount)
            {
                made.Add(OnnxDevices.Create(model, OnnxDevice.Cuda, options.DeviceIndex + made.Count, options.Precision));
            }
            return made;
        }
        catch
        {
            made.ForEach(earlier => earlier.Dispose());
            throw;
        }
    }
}
