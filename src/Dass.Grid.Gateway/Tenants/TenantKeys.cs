using System.Security.Cryptography;
using Dass.Grid.Gateway.Protocol;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Tenants;

/// <summary>
/// From a key to its tenant: keys of the configuration, and keys of the registry, which begin with <c>dass_&lt;id&gt;_</c>.
/// </summary>
internal sealed class TenantKeys(IOptions<TenantsOptions> options, RegistryCache registry, TimeProvider time)
{
    public const string DefaultTenant = "default";

    private const string Prefix = "dass_";
    private const int IdBytes = 8;
    private const int SecretBytes = 32;

    private readonly (string Tenant, KeyHash Hash)[] _keys =
        [.. options.Value.Tenants.SelectMany(tenant => tenant.Value.KeyHashes.Select(hash => (tenant.Key, KeyHash.Parse(hash)!)))];

    private volatile Index _index = new(Registry.Empty, [], []);

    private readonly KeyHash[] _adminKeys = [.. options.Value.AdminKeyHashes.Select(hash => KeyHash.Parse(hash)!)];

    /// <summary>A new key, and what the grid keeps of it.</summary>
    public static (string Key, KeyRecord Record) Create()
    {
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes));
        var key = $"{Prefix}{id}_{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(SecretBytes))}";
        return (key, new KeyRecord(id, KeyHash.Create(key).ToString(), Until: null));
    }

    /// <exception cref="RpcException">UNAUTHENTICATED: no tenant has the key. PERMISSION_DENIED: the tenant is disabled. UNAVAILABLE: the
    /// registry has not been read yet.</exception>
    public Caller Authenticate(string key)
    {
        foreach (var (tenant, hash) in _keys)
        {
            if (hash.Matches(key))
            {
                return Configured(tenant)!;
            }
        }
        if (ParseId(key) is { } id)
        {
            var known = registry.Current ?? throw ProtocolErrors.RegistryUnknown();
            if (Find(known, id) is var (tenant, record) && KeyHash.Parse(record.Hash)!.Matches(key))
            {
                return Registered(tenant, id);
            }
        }
        throw ProtocolErrors.WrongKey();
    }

    /// <summary>The tenant that an identity provider or a certificate names.</summary>
    /// <exception cref="RpcException">
    /// UNAUTHENTICATED: there is no such tenant. PERMISSION_DENIED: it is disabled. UNAVAILABLE: the registry has not been read yet.
    /// </exception>
    public Caller CallerFor(string tenant)
    {
        if (Configured(tenant) is { } configured)
        {
            return configured;
        }
        var known = registry.Current ?? throw ProtocolErrors.RegistryUnknown();
        return IndexFor(known).ByName.GetValueOrDefault(tenant) is { } registered
            ? Registered(registered, id: null)
            : throw ProtocolErrors.NoSuchTenant(tenant);
    }

    /// <summary>A tenant's limits as they are now; null: there is no such tenant, or not any more.</summary>
    public TenantLimits? LimitsOf(string tenant) => Configured(tenant)?.Limits
        ?? (options.Value.AnyCredentials && registry.Current is { } known && IndexFor(known).ByName.TryGetValue(tenant, out var registered)
            ? Limits(registered.Limits) : null);

    /// <summary>The caller of a grid that asks for no credentials.</summary>
    public Caller DefaultCaller => Configured(DefaultTenant) ?? new Caller(DefaultTenant, KeyId: null, TenantLimits.None, []);

    public bool IsAdmin(string key) => _adminKeys.Any(hash => hash.Matches(key));

    /// <summary>Why an admitted call may not go on; null: it may.</summary>
    public RpcException? Revoked(Caller caller)
    {
        if (caller.Until <= time.GetUtcNow())
        {
            return ProtocolErrors.CredentialExpired();
        }
        if (registry.Current is not { } known || options.Value.Tenants.ContainsKey(caller.Tenant))
        {
            return null;
        }
        if (caller.KeyId is not { } id)
        {
            return options.Value.AnyCredentials && IndexFor(known).ByName.GetValueOrDefault(caller.Tenant) is null or { Disabled: true }
                ? ProtocolErrors.TenantDisabled(caller.Tenant)
                : null;
        }
        return Find(known, id) is not var (tenant, _) ? ProtocolErrors.KeyRevoked()
            : tenant.Disabled ? ProtocolErrors.TenantDisabled(tenant.Name)
            : null;
    }

    private Caller? Configured(string tenant) =>
        options.Value.Tenants.GetValueOrDefault(tenant) is { } found
            ? new Caller(tenant, KeyId: null, Limits(found.Limits), [.. found.Models])
            : null;

    private Caller Registered(TenantRecord tenant, string? id) => tenant.Disabled
        ? throw ProtocolErrors.TenantDisabled(tenant.Name)
        : new Caller(tenant.Name, id, Limits(tenant.Limits), tenant.Models) { Events = tenant.Events };

    private TenantLimits Limits(TenantLimits own) => options.Value.AnyCredentials ? own.Or(options.Value.DefaultLimits) : own;

    private (TenantRecord Tenant, KeyRecord Key)? Find(Registry known, string id) =>
        IndexFor(known).ById.TryGetValue(id, out var found) && !(found.Key.Until <= time.GetUtcNow()) ? found : null;

    private Index IndexFor(Registry known)
    {
        var index = _index;
        if (index.Registry != known)
        {
            _index = index = new Index(
                known,
                known.Tenants.SelectMany(tenant => tenant.Keys.Select(key => (tenant, key)))
                    .ToDictionary(entry => entry.key.Id, StringComparer.Ordinal),
                known.Tenants.ToDictionary(tenant => tenant.Name, StringComparer.Ordinal));
        }
        return index;
    }

    private static string? ParseId(string key)
    {
        const int Id = 2 * IdBytes;
        return key.Length == Prefix.Length + Id + 1 + 2 * SecretBytes && key.StartsWith(Prefix, StringComparison.Ordinal)
            ? key.Substring(Prefix.Length, Id)
            : null;
    }

    private sealed record Index(
        Registry Registry, Dictionary<string, (TenantRecord Tenant, KeyRecord Key)> ById, Dictionary<string, TenantRecord> ByName);
}
