using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Tenants;

/// <summary>Who may call: the configuration sections <c>Tenants</c>, <c>Admin</c> and <c>Tokens</c>.</summary>
public sealed class TenantsOptions
{
    /// <summary>Tenant by name. Default: none; without admin keys, too, everybody on this machine is the tenant <c>default</c>.</summary>
    public Dictionary<string, TenantOptions> Tenants { get; } = new(StringComparer.Ordinal);

    /// <summary>Keys of those who may change the register (<c>Admin:KeyHashes</c>), in the form of <see cref="KeyHash"/>. Default: none.</summary>
    public List<string> AdminKeyHashes { get; } = [];

    /// <summary>Tokens that are taken beside keys.</summary>
    public TokenOptions Tokens { get; set; } = new();

    /// <summary>Whether the common name of a client certificate names its tenant: where TLS checks those. Default: false.</summary>
    public bool ClientCertificates { get; set; }

    /// <summary>Whether calls need a credential.</summary>
    public bool AnyCredentials =>
        AdminKeyHashes.Count > 0 || Tokens.Authority is not null || ClientCertificates || Tenants.Values.Any(tenant => tenant.KeyHashes.Count > 0);
}

/// <summary>JSON web tokens of an OpenID Connect provider.</summary>
public sealed class TokenOptions
{
    /// <summary>The provider, e.g. <c>https://login.example.org/realms/city</c>: https, or http on this machine. Default: null, no tokens are taken.</summary>
    public string? Authority { get; set; }

    /// <summary>For whom tokens must have been made. Required with <see cref="Authority"/>. Default: null.</summary>
    public string? Audience { get; set; }

    /// <summary>Claim that holds the tenant's name. Default: tenant.</summary>
    public string TenantClaim { get; set; } = "tenant";

    /// <summary>How far the provider's clock may be off, 0 to 5 min. Default: 30 seconds.</summary>
    public TimeSpan ClockSkew { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The rules that are broken, each with field, value and rule.</summary>
    public IEnumerable<string> Problems()
    {
        if (Authority is not null
            && !(Uri.TryCreate(Authority, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback))))
        {
            yield return $"Tokens:Authority is '{Authority}'; an https URL, or an http one of this machine.";
        }
        if (Authority is not null && string.IsNullOrWhiteSpace(Audience))
        {
            yield return "Tokens:Audience is missing; with Tokens:Authority it is needed, or tokens that were made for others would be taken.";
        }
        if (string.IsNullOrWhiteSpace(TenantClaim))
        {
            yield return "Tokens:TenantClaim is empty; the name of a claim.";
        }
        if (ClockSkew < TimeSpan.Zero || ClockSkew > TimeSpan.FromMinutes(5))
        {
            yield return $"Tokens:ClockSkew is {ClockSkew}; 0 to 5 min.";
        }
    }
}

public sealed class TenantOptions
{
    /// <summary>
    /// Any of these keys is the tenant's, in the form of <see cref="KeyHash"/>. At least one, unless tokens or client certificates are taken.
    /// </summary>
    public List<string> KeyHashes { get; } = [];

    /// <summary>What the tenant may use. Default: as much as there is.</summary>
    public TenantLimits Limits { get; set; } = new(); // an object of its own: the configuration is bound into it

    /// <summary>Names of the models that it may use. Default: none, which means all.</summary>
    public List<string> Models { get; } = [];
}

/// <summary>
/// Reports every broken rule at start. A hash that is wrong is named by its place, not repeated: it may be a key that somebody forgot to hash.
/// </summary>
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
        errors.AddRange(options.Tokens.Problems());
        foreach (var (tenant, settings) in options.Tenants)
        {
            if (!StreamId.IsTenant(tenant))
            {
                errors.Add($"Tenants: '{tenant}' is not a tenant name: 1 to {StreamId.MaxTenantLength} of {StreamId.Alphabet}.");
            }
            if (settings.KeyHashes.Count == 0 && tenant != TenantKeys.DefaultTenant && options is { Tokens.Authority: null, ClientCertificates: false })
            {
                errors.Add($"Tenants:{tenant}:KeyHashes is empty; a tenant needs at least one key.");
            }
            Hashes($"Tenants:{tenant}", settings.KeyHashes);
            errors.AddRange(settings.Limits.Problems().Select(problem => $"Tenants:{tenant}:Limits: {problem}."));
        }
        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }
}
