using Microsoft.Extensions.Logging;

namespace Dass.Grid.Grains.Tenants;

public sealed partial class RegistryGrain
{
    [LoggerMessage(LogLevel.Information, "Tenant {Tenant} was {What} in the registry.")]
    private partial void LogTenant(string what, string tenant);

    [LoggerMessage(LogLevel.Information, "Model {Model} was registered: {Directory} ({Hash}).")]
    private partial void LogModel(string model, string directory, string hash);

    [LoggerMessage(LogLevel.Information, "Alias {Alias} of {Tenant} stands for {Model} now.")]
    private partial void LogAlias(string alias, string tenant, string model);
}
