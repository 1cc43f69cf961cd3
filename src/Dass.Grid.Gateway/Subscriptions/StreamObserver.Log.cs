using Microsoft.Extensions.Logging;

namespace Dass.Grid.Gateway.Subscriptions;

internal sealed partial class StreamObserver
{
    [LoggerMessage(LogLevel.Warning, "Stream {Stream} could not be reached to keep its subscription; tried again at the next renewal.")]
    private partial void LogUnreachable(StreamId stream, Exception failure);
}
