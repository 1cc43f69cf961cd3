using Microsoft.Extensions.Logging;

namespace Dass.Grid.Grains.Placement;

public sealed partial class LoadReporter
{
    [LoggerMessage(LogLevel.Information, "{Moved} of {Streams} streams move to {Silo}, which has {Other}.")]
    private partial void LogRebalance(int moved, int streams, SiloAddress silo, int other);

    [LoggerMessage(LogLevel.Information, "{Moved} of {Streams} streams have moved to other silos in {Seconds:F1} s.")]
    private partial void LogDrained(int moved, int streams, double seconds);

    [LoggerMessage(LogLevel.Information, "An administrator drains this silo: its {Streams} streams go to the others.")]
    private partial void LogOrdered(int streams);

    [LoggerMessage(LogLevel.Information, "The drain has been called off with {Streams} streams here: this silo takes streams again.")]
    private partial void LogCalledOff(int streams);

    [LoggerMessage(
        LogLevel.Critical,
        "The device {Device} of model {Model} is lost: {Reason} This silo takes no more streams; its {Streams} streams go on on other "
        + "silos from their checkpoints. Restart this process: a device comes back, if at all, in a new one.")]
    private partial void LogLost(string device, string model, string reason, int streams);

    [LoggerMessage(
        LogLevel.Warning,
        "The device {Device} has been out of memory: model {Model} has {Slots} stream slots from now on instead of {Before}. Set "
        + "Grid:Models:{Model}:MaxStreams or its batches lower, or give the device to this process alone.")]
    private partial void LogFewerSlots(string device, string model, int slots, int before);

    [LoggerMessage(LogLevel.Warning, "No other silo takes streams: {Streams} of them go to the store and wait there.")]
    private partial void LogNowhere(int streams);
}
