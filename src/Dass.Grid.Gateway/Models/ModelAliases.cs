using Dass.Grid.Gateway.Protocol;
using Dass.Grid.Gateway.Tenants;

namespace Dass.Grid.Gateway.Models;

/// <summary>From the name that a request gives to the model's own name.</summary>
internal sealed class ModelAliases(RegistryCache registry)
{
    /// <summary>The request's model by its name on the silos, which may have none of that name.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: no name. NOT_FOUND: the tenant may not use it.</exception>
    public StreamSpec Resolve(Caller caller, StreamSpec asked)
    {
        if (asked.Model is not { } name)
        {
            var standard = Alias(caller.Tenant, ModelAlias.Default);
            return asked with { DefaultModel = standard is null ? caller.Models.FirstOrDefault() : Allowed(caller, standard) };
        }
        if (!StreamId.IsName(name))
        {
            throw ProtocolErrors.ModelName(name);
        }
        return Alias(caller.Tenant, name) is { } model
            ? asked with { Model = Allowed(caller, model), Alias = name }
            : asked with { Model = Allowed(caller, name) };
    }

    private static string Allowed(Caller caller, string model) =>
        caller.Models.Length == 0 || caller.Models.Contains(model) ? model : throw ProtocolErrors.ModelNotAllowed(model);

    private string? Alias(string tenant, string name)
    {
        string? shared = null;
        foreach (var alias in registry.Current?.Aliases ?? [])
        {
            if (alias.Name == name && alias.Tenant == tenant)
            {
                return alias.Model;
            }
            shared = alias.Name == name && alias.Tenant.Length == 0 ? alias.Model : shared;
        }
        return shared;
    }
}
