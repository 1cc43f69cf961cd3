using Microsoft.Extensions.Logging;

namespace Dass.Grid.Grains.Models;

public sealed partial class ModelRegistry
{
    [LoggerMessage(
        LogLevel.Information,
        "Serving model {Model} ({Hash}) on {Device} ({Gigabytes:F1} GB): {Slots} stream slots, {Rate:F0} streams in real time. {Note}")]
    private partial void LogServing(string model, string hash, string device, double gigabytes, int slots, double rate, string note);

    [LoggerMessage(LogLevel.Warning, "Model {Model}: {Reason}")]
    private partial void LogOtherDevice(string model, string reason);

    [LoggerMessage(
        LogLevel.Warning, "The registry cannot be read ({Failure}); this silo serves the models that it has. Tried again each second.")]
    private partial void LogNoRegistry(string failure);

    [LoggerMessage(
        LogLevel.Error,
        "Registered model {Model} cannot be served here: {Problem} Put the same files at {Directory} on every silo and restart this one.")]
    private partial void LogUnusable(string model, string directory, string problem);
}
