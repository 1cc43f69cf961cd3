using Microsoft.Extensions.Logging;

namespace Dass.Grid.Gateway.Calls;

internal sealed partial class CallGuard
{
    /// <summary>Calls of all streams have none, and those without a valid key no tenant.</summary>
    private static string Named(string? name) => string.IsNullOrEmpty(name) ? "-" : name;

    [LoggerMessage(LogLevel.Error, "{Method} of tenant {Tenant} on stream {Stream} failed.")]
    private partial void LogFailed(string method, string tenant, string stream, Exception failure);

    [LoggerMessage(LogLevel.Information, "{Method} of tenant {Tenant} on stream {Stream} ended with {Status}: {Message}")]
    private partial void LogEnded(string method, string tenant, string stream, StatusCode status, string message);
}
