using Microsoft.Extensions.Logging;

namespace Dass.Grid.Gateway.Tenants;

internal sealed partial class TenantQuotas
{
    [LoggerMessage(
        LogLevel.Warning, "The shares of tenant {Tenant} could not be renewed; this gateway goes on with those that it has. {Failure}")]
    private partial void LogNoLease(string tenant, string failure);
}
