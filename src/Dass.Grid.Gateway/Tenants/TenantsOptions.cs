using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Tenants;

/// <summary>Who may call: the configuration sections <c>Tenants</c> and <c>Admin</c>.</summary>
public sealed class TenantsOptions
{
    /// <summary>Tenant by name. Default: none; without admin keys, too, everybody on this machine is the tenant <c>default</c>.</summary>
    public Dictionary<string, TenantOptions> Tenants { get; } = new(StringComparer.Ordinal);

    /// <summary>Keys of those who may change the register (<c>Admin:KeyHashes</c>), in the form of <see cref="KeyHash"/>. Default: none.</summary>
    public List<string> AdminKeyHashes { get; } = [];

    /// <summary>Whether calls need a key.</summary>
    public bool AnyKeys => AdminKeyHashes.Count > 0 || Tenants.Values.Any(tenant => tenant.KeyHashes.Count > 0);
}

public sealed class TenantOptions
{
    /// <summary>Any of these keys is the tenant's, in the form of <see cref="KeyHash"/>.</summary>
    public List<string> KeyHashes { get; } = [];

    /// <summary>What the tenant may use. Default: as much as there is.</summary>
    public TenantLimits Limits { get; set; } = new(); // an object of its own: the configuration is bound into it

    /// <summary>Names of the models that it may use. Default: none, which means all.</summary>
    public List<string> Models { get; } = [];
}

/// <summary>Reports every broken rule at start. A hash that is wrong is named by its place, not repeated: it may be a key that somebody forgot to hash.</summary>
internal sealed class TenantsOptionsValidator : IValidateOptions<TenantsOptions>
{
    public ValidateOptionsResult Validate(string? name, TenantsOptions options)
    {
        var errors = new List<string>();
        void Hashes(string section, List<string> hashes)
        {
            for (var i = 0; i < hashes.Count; i++)
            {
                if (KeyHash.Parse(hashes[i]) is null)
                {
                    errors.Add($"{section}:KeyHashes:{i} is not of the form sha256:<salt hex>:<hash hex>; make one with the host's hash-key command.");
                }
            }
        }
        Hashes("Admin", options.AdminKeyHashes);
        foreach (var (tenant, settings) in options.Tenants)
        {
            if (!StreamId.IsTenant(tenant))
            {
                errors.Add($"Tenants: '{tenant}' is not a tenant name: 1 to {StreamId.MaxTenantLength} of {StreamId.Alphabet}.");
            }
            if (settings.KeyHashes.Count == 0 && tenant != TenantKeys.DefaultTenant)
            {
                errors.Add($"Tenants:{tenant}:KeyHashes is empty; a tenant needs at least one key.");
            }
            Hashes($"Tenants:{tenant}", settings.KeyHashes);
            errors.AddRange(settings.Limits.Problems().Select(problem => $"Tenants:{tenant}:Limits: {problem}."));
        }
        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }
}
