using Microsoft.Extensions.Logging;

namespace Dass.Grid.Grains.Tenants;

public sealed partial class TenantWaker
{
    [LoggerMessage(LogLevel.Warning, "Streams without a feeder are not looked up now; tried again in a minute. {Failure}")]
    private partial void LogAsleep(string failure);
}
