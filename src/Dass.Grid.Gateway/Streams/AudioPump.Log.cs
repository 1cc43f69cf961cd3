using Microsoft.Extensions.Logging;

namespace Dass.Grid.Gateway.Streams;

internal sealed partial class AudioPump
{
    [LoggerMessage(LogLevel.Warning, "Stream {Stream} is interrupted at sample {Sample}: {Failure} Looking for it.")]
    private static partial void LogInterrupted(ILogger logger, StreamId stream, long sample, string failure);

    [LoggerMessage(LogLevel.Information, "Stream {Stream} goes on at sample {Sample} after {Seconds:F2} s.")]
    private static partial void LogRecovered(ILogger logger, StreamId stream, long sample, double seconds);
}
