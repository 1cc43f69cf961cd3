using Microsoft.Extensions.Logging;

namespace Dass.Grid.Grains.Records;

public sealed partial class EventLogGrain
{
    [LoggerMessage(
        LogLevel.Warning,
        "{Lost} events of tenant {Tenant} are lost, and so are all that follow: the five minutes from {Begin} on hold {Limit} already "
        + "(Grid:Streams:EventsPerSpan).")]
    private partial void LogFull(int lost, string tenant, DateTimeOffset begin, int limit);
}
