using Microsoft.Extensions.Logging;

namespace Dass.Grid.Grains.Models;

public sealed partial class DeviceWatchdog
{
    [LoggerMessage(
        LogLevel.Critical,
        "Model {Model} has been at one batch for {Seconds:F0} s: its device hangs. This silo ends; its streams go on elsewhere from their "
        + "checkpoints.")]
    private partial void LogStuck(string model, double seconds);
}
