using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>An OpenID Connect provider on a loopback port: discovery, keys, and tokens on demand.</summary>
internal sealed class TokenProvider : IAsyncDisposable
{
    public const string Audience = "dass-grid";

    private readonly RSA _rsa = RSA.Create(2048);
    private readonly WebApplication _app;

    private TokenProvider(WebApplication app) => _app = app;

    public string Authority => _app.Urls.First();

    public static async Task<TokenProvider> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var provider = new TokenProvider(app);
        app.MapGet("/.well-known/openid-configuration", () => Results.Json(new Dictionary<string, object>
        {
            ["issuer"] = provider.Authority, ["jwks_uri"] = $"{provider.Authority}/keys",
        }));
        app.MapGet("/keys", () => Results.Json(new Dictionary<string, object>
        {
            ["keys"] = new[]
            {
                new Dictionary<string, string>
                {
                    ["kty"] = "RSA",
                    ["use"] = "sig",
                    ["kid"] = "one",
                    ["n"] = Base64UrlEncoder.Encode(provider._rsa.ExportParameters(false).Modulus),
                    ["e"] = Base64UrlEncoder.Encode(provider._rsa.ExportParameters(false).Exponent),
                },
            },
        }));
        await app.StartAsync();
        return provider;
    }

    public string Token(string? tenant, TimeSpan? lasts = null, string audience = Audience, RSA? key = null) =>
        Token(
            tenant,
            new SigningCredentials(new RsaSecurityKey(key ?? _rsa) { KeyId = "one" }, SecurityAlgorithms.RsaSha256),
            lasts,
            audience);

    /// <summary>A token whose own header says that it is not signed.</summary>
    public string Unsigned(string tenant) => Token(tenant, signing: null);

    /// <summary>A forger's token: the public key is known, and a forger may use it as a secret.</summary>
    public string SignedWithPublicKey(string tenant) => Token(
        tenant, new SigningCredentials(
            new SymmetricSecurityKey(_rsa.ExportSubjectPublicKeyInfo()) { KeyId = "one" }, SecurityAlgorithms.HmacSha256));

    /// <summary>A token whose claim is any JSON, or that runs out at any time.</summary>
    public string Token(object tenant, DateTime? expires = null) => Token(
        tenant, new SigningCredentials(new RsaSecurityKey(_rsa) { KeyId = "one" }, SecurityAlgorithms.RsaSha256), expires, Audience);

    private string Token(string? tenant, SigningCredentials? signing, TimeSpan? lasts = null, string audience = Audience) =>
        Token(tenant, signing, TimeProvider.System.GetUtcNow().UtcDateTime + (lasts ?? TimeSpan.FromMinutes(5)), audience);

    private string Token(object? tenant, SigningCredentials? signing, DateTime? until, string audience)
    {
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        var expires = until ?? now.AddMinutes(5);
        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = Authority,
            Audience = audience,
            Expires = expires,
            NotBefore = expires < now.AddHours(1) ? expires.AddHours(-1) : now.AddHours(-1),
            Claims = tenant is null ? [] : new Dictionary<string, object> { ["tenant"] = tenant },
            SigningCredentials = signing,
        });
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        _rsa.Dispose();
    }
}
