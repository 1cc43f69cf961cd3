using Dass.Grid.Gateway.Protocol;
using Dass.Grid.Gateway.Tenants;

namespace Dass.Grid.Gateway.Models;

/// <summary>From the name that a request gives to the model's own name.</summary>
internal sealed class ModelAliases(RegistryCache registry)
{
    private const string Shared = ""; // the tenant of aliases that are for all

    /// <summary>The request's model by its name on the silos, which may have none of that name.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: no name. NOT_FOUND: the tenant may not use it.</exception>
    public StreamSpec Resolve(Caller caller, StreamSpec asked)
    {
        if (asked.Model is not { } name)
        {
            return asked with { DefaultModel = Standard(caller) };
        }
        if (!StreamId.IsName(name))
        {
            throw ProtocolErrors.ModelName(name);
        }
        return (Alias(caller.Tenant, name) ?? Alias(Shared, name)) is { } model
            ? asked with { Model = Allowed(caller, model), Alias = name }
            : asked with { Model = Allowed(caller, name) };
    }

    /// <summary>A shared default is no wish of the tenant's: one that may not use it has the first of its own models.</summary>
    private string? Standard(Caller caller) =>
        Alias(caller.Tenant, ModelAlias.Default) is { } own ? Allowed(caller, own)
        : Alias(Shared, ModelAlias.Default) is { } shared && IsAllowed(caller, shared) ? shared
        : caller.Models.FirstOrDefault();

    private static bool IsAllowed(Caller caller, string model) => caller.Models.Length == 0 || caller.Models.Contains(model);

    private static string Allowed(Caller caller, string model) =>
        IsAllowed(caller, model) ? model : throw ProtocolErrors.ModelNotAllowed(model);

    private string? Alias(string tenant, string name) =>
        registry.Current?.Aliases.FirstOrDefault(alias => alias.Name == name && alias.Tenant == tenant)?.Model;
}
