using Microsoft.Extensions.Logging;

namespace Dass.Grid.Gateway.Protocol;

internal static partial class BrokenMessages
{
    [LoggerMessage(LogLevel.Error, "A call failed outside its service.")]
    private static partial void LogFailed(ILogger logger, Exception failure);
}
