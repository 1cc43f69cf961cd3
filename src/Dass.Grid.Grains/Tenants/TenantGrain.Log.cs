using Microsoft.Extensions.Logging;

namespace Dass.Grid.Grains.Tenants;

public sealed partial class TenantGrain
{
    [LoggerMessage(
        LogLevel.Warning,
        "The list of streams of tenant {Tenant} could not be read or written; tried again soon. Until then streams whose silo fails are "
        + "not listed.")]
    private partial void LogAway(string tenant, Exception failure);

    [LoggerMessage(LogLevel.Warning, "Tenant {Tenant} could not be added to the index of tenants; tried again soon. {Failure}")]
    private partial void LogNotIndexed(string tenant, string failure);

    [LoggerMessage(
        LogLevel.Warning,
        "The list of streams of tenant {Tenant} holds {Limit} (Grid:Streams:ListedStreams), its limit: others are not found again when "
        + "their silo fails, unless their clients come back.")]
    private partial void LogFull(string tenant, int limit);

    [LoggerMessage(LogLevel.Warning, "Stream {Stream} has fallen silent and could not be looked up; tried again soon. {Failure}")]
    private partial void LogNotFound(StreamId stream, string failure);
}
