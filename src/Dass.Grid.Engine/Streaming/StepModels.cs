using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Model.Onnx.Cuda;

namespace Dass.Grid.Engine.Streaming;

/// <summary>The implementations of the network, best first.</summary>
internal static class StepModels
{
    /// <summary>Environment variable that forces one, so that the whole suite can run under each.</summary>
    public const string Variable = "DASS_STEP_MODEL";

    /// <exception cref="ArgumentException">The environment variable names none of them.</exception>
    public static IStepModel Create(DassModel model, EngineOptions options)
    {
        var forced = Environment.GetEnvironmentVariable(Variable);
        var kind = options.StepModel;
        if (!string.IsNullOrEmpty(forced) && !(Enum.TryParse(forced, ignoreCase: true, out kind) && Enum.IsDefined(kind)))
        {
            throw new ArgumentException(
                $"{Variable} is '{forced}'; it must be one of {string.Join(", ", Enum.GetNames<StepModelKind>())}.");
        }
        IStepModel made = kind switch
        {
            StepModelKind.Reference => new ReferenceStepModel(model),
            StepModelKind.DeviceOnCpu => new DeviceStepModel(model, new EmulatedDevice()),
            _ => OnnxDevices.Create(model, options.Device, options.DeviceIndex, options.Precision),
        };
        return options.WrapStepModel?.Invoke(made) ?? made;
    }
}
