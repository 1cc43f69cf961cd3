using Microsoft.Extensions.Logging;

namespace Dass.Grid.Grains.Placement;

public sealed partial class LoadReporter
{
    [LoggerMessage(LogLevel.Information, "{Moved} of {Streams} streams move to {Silo}, which has {Other}.")]
    private partial void LogRebalance(int moved, int streams, SiloAddress silo, int other);

    [LoggerMessage(LogLevel.Information, "{Moved} of {Streams} streams have moved to other silos in {Seconds:F1} s.")]
    private partial void LogDrained(int moved, int streams, double seconds);

    [LoggerMessage(LogLevel.Warning, "No other silo takes streams: {Streams} of them go to the store and wait there.")]
    private partial void LogNowhere(int streams);
}
