using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Tenants;

/// <summary>Who may call: the configuration section <c>Tenants</c>.</summary>
public sealed class TenantsOptions
{
    /// <summary>Tenant by name. Default: none, and then everybody on this machine is the tenant <c>default</c>.</summary>
    public Dictionary<string, TenantOptions> Tenants { get; } = new(StringComparer.Ordinal);
}

public sealed class TenantOptions
{
    /// <summary>Any of these keys is the tenant's, in the form of <see cref="KeyHash"/>.</summary>
    public List<string> KeyHashes { get; } = [];
}

/// <summary>Reports every broken rule at start. A hash that is wrong is named by its place, not repeated: it may be a key that somebody forgot to hash.</summary>
internal sealed class TenantsOptionsValidator : IValidateOptions<TenantsOptions>
{
    public ValidateOptionsResult Validate(string? name, TenantsOptions options)
    {
        var errors = new List<string>();
        foreach (var (tenant, keys) in options.Tenants)
        {
            if (!StreamId.IsTenant(tenant))
            {
                errors.Add($"Tenants: '{tenant}' is not a tenant name: 1 to {StreamId.MaxTenantLength} of {StreamId.Alphabet}.");
            }
            if (keys.KeyHashes.Count == 0)
            {
                errors.Add($"Tenants:{tenant}:KeyHashes is empty; a tenant needs at least one key.");
            }
            for (var i = 0; i < keys.KeyHashes.Count; i++)
            {
                if (KeyHash.Parse(keys.KeyHashes[i]) is null)
                {
                    errors.Add($"Tenants:{tenant}:KeyHashes:{i} is not of the form sha256:<salt hex>:<hash hex>; make one with the host's hash-key command.");
                }
            }
        }
        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }
}
