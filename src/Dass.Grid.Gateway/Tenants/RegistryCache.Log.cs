using Microsoft.Extensions.Logging;

namespace Dass.Grid.Gateway.Tenants;

internal sealed partial class RegistryCache
{
    [LoggerMessage(
        LogLevel.Warning, "The registry of tenants and models cannot be read; version {Version} is used until it can. {Failure}")]
    private partial void LogUnreachable(long version, string failure);
}
