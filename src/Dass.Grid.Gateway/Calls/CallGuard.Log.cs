using Microsoft.Extensions.Logging;

namespace Dass.Grid.Gateway.Calls;

internal sealed partial class CallGuard
{
    [LoggerMessage(LogLevel.Error, "{Method} of tenant {Tenant} on stream {Stream} failed.")]
    private partial void LogFailed(string method, string tenant, string? stream, Exception failure);

    [LoggerMessage(LogLevel.Information, "{Method} of tenant {Tenant} on stream {Stream} ended with {Status}: {Message}")]
    private partial void LogEnded(string method, string tenant, string? stream, StatusCode status, string message);
}
