using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Tenants;

/// <summary>From a call's key to its tenant.</summary>
internal sealed class TenantKeys(IOptions<TenantsOptions> options)
{
    public const string DefaultTenant = "default";

    private readonly (string Tenant, KeyHash Hash)[] _keys =
        [.. options.Value.Tenants.SelectMany(tenant => tenant.Value.KeyHashes.Select(hash => (tenant.Key, KeyHash.Parse(hash)!)))];

    /// <exception cref="RpcException">UNAUTHENTICATED: no key, or one that nobody has.</exception>
    public string TenantOf(Metadata headers)
    {
        if (_keys.Length == 0)
        {
            return DefaultTenant;
        }
        var key = KeyIn(headers) ?? throw ProtocolErrors.NoKey();
        foreach (var (tenant, hash) in _keys)
        {
            if (hash.Matches(key))
            {
                return tenant;
            }
        }
        throw ProtocolErrors.WrongKey();
    }

    private static string? KeyIn(Metadata headers)
    {
        const string Bearer = "Bearer ";
        return headers.GetValue("authorization") is { } value && value.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase)
            ? value[Bearer.Length..].Trim()
            : headers.GetValue("x-api-key")?.Trim();
    }
}
