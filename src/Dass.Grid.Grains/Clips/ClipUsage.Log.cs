using Microsoft.Extensions.Logging;

namespace Dass.Grid.Grains.Clips;

public sealed partial class ClipUsage
{
    [LoggerMessage(LogLevel.Warning, "The use of recordings of tenant {Tenant} could not be reported; tried again soon. {Failure}")]
    private partial void LogNotReported(string tenant, string failure);
}
