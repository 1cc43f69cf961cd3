using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Tenants;

/// <summary>
/// The callers that are let in: the configuration sections <c>Tenants</c>, <c>DefaultLimits</c>, <c>Admin</c> and <c>Tokens</c>.
/// </summary>
public sealed class TenantsOptions
{
    /// <summary>
    /// Tenant by name. Default: none; without admin keys, too, every caller on this machine is the tenant <c>default</c>.
    /// </summary>
    public Dictionary<string, TenantOptions> Tenants { get; } = new(StringComparer.Ordinal);

    /// <summary>
    /// What a tenant may use for which neither the configuration nor the registry has a limit, each limit for itself, where calls need a
    /// credential. Default: 1,000 live streams, 1,000 new streams per minute and 1,000 subscribers. The others have none: tenants share the
    /// devices by weight, and a gateway's own limits of bytes hold for all.
    /// </summary>
    public TenantLimits DefaultLimits { get; set; } = new() { LiveStreams = 1_000, NewStreamsPerMinute = 1_000, Subscribers = 1_000 };

    /// <summary>
    /// Keys of the operators, who may change the registry (<c>Admin:KeyHashes</c>), in the form of <see cref="KeyHash"/>. Default: none.
    /// </summary>
    public List<string> AdminKeyHashes { get; } = [];

    /// <summary>Tokens that are taken beside keys.</summary>
    public TokenOptions Tokens { get; set; } = new();

    /// <summary>
    /// Whether the common name of a client certificate is its tenant's name; TLS checks the certificates. Default: false.
    /// </summary>
    public bool ClientCertificates { get; set; }

    /// <summary>Whether calls need a credential.</summary>
    public bool AnyCredentials =>
        AdminKeyHashes.Count > 0 || Tokens.Authority is not null || ClientCertificates
        || Tenants.Values.Any(tenant => tenant.KeyHashes.Count > 0);
}

/// <summary>JSON web tokens of an OpenID Connect provider.</summary>
public sealed class TokenOptions
{
    /// <summary>
    /// The provider, e.g. <c>https://login.example.org/realms/city</c>: https, or http on this machine. Default: null, no tokens are taken.
    /// </summary>
    public string? Authority { get; set; }

    /// <summary>The service that tokens must have been made for. Required with <see cref="Authority"/>. Default: null.</summary>
    public string? Audience { get; set; }

    /// <summary>Claim that holds the tenant's name. Default: tenant.</summary>
    public string TenantClaim { get; set; } = "tenant";

    /// <summary>How far the provider's clock may be off, 0 to 5 min. Default: 30 seconds.</summary>
    public TimeSpan ClockSkew { get; set; } = TimeSpan.FromSeconds(30);

    internal void AddTo(OptionRules rules)
    {
        if (Authority is not null)
        {
            rules.Rule(IsProvider(Authority), "Tokens:Authority", $"'{Authority}'", "an https URL, or an http one of this machine");
            if (string.IsNullOrWhiteSpace(Audience))
            {
                rules.Add(
                    "Tokens:Audience is missing; with Tokens:Authority it is needed, or tokens made for other services would be taken.");
            }
        }
        if (string.IsNullOrWhiteSpace(TenantClaim))
        {
            rules.Add("Tokens:TenantClaim is empty; the name of a claim.");
        }
        rules.Rule(ClockSkew >= TimeSpan.Zero && ClockSkew <= TimeSpan.FromMinutes(5), "Tokens:ClockSkew", $"{ClockSkew}", "0 to 5 min");
    }

    private static bool IsProvider(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri)
        && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback));
}

public sealed class TenantOptions
{
    /// <summary>
    /// Any of these keys is the tenant's, in the form of <see cref="KeyHash"/>. At least one, unless tokens or client certificates are
    /// taken.
    /// </summary>
    public List<string> KeyHashes { get; } = [];

    /// <summary>What the tenant may use. Default: <see cref="TenantsOptions.DefaultLimits"/>.</summary>
    public TenantLimits Limits { get; set; } = new(); // an object of its own: the configuration is bound into it

    /// <summary>Names of the models that it may use. Default: none, which means all.</summary>
    public List<string> Models { get; } = [];
}

/// <summary>
/// Reports every broken rule at start. A hash that is wrong is named by its place, not repeated: it may be a key that was not hashed.
/// </summary>
internal sealed class TenantsOptionsValidator : IValidateOptions<TenantsOptions>
{
    public ValidateOptionsResult Validate(string? name, TenantsOptions options)
    {
        var rules = new OptionRules();
        AddHashes(rules, "Admin", options.AdminKeyHashes);
        options.Tokens.AddTo(rules);
        options.DefaultLimits.AddTo(rules, "DefaultLimits: ");
        foreach (var (tenant, settings) in options.Tenants)
        {
            if (!StreamId.IsTenant(tenant))
            {
                rules.Add($"Tenants: '{tenant}' is not a tenant name: 1 to {StreamId.MaxTenantLength} of {StreamId.Alphabet}.");
            }
            var needsKey = tenant != TenantKeys.DefaultTenant && options is { Tokens.Authority: null, ClientCertificates: false };
            if (needsKey && settings.KeyHashes.Count == 0)
            {
                rules.Add($"Tenants:{tenant}:KeyHashes is empty; a tenant needs at least one key.");
            }
            AddHashes(rules, $"Tenants:{tenant}", settings.KeyHashes);
            settings.Limits.AddTo(rules, $"Tenants:{tenant}:Limits: ");
        }
        return rules.Result;
    }

    private static void AddHashes(OptionRules rules, string section, List<string> hashes)
    {
        for (var i = 0; i < hashes.Count; i++)
        {
            if (KeyHash.Parse(hashes[i]) is null)
            {
                rules.Add(
                    $"{section}:KeyHashes:{i} is not of the form sha256:<salt hex>:<hash hex>; make one with the host's hash-key command.");
            }
        }
    }
}
