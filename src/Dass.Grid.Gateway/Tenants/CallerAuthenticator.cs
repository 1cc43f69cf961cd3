using System.Net;
using System.Security.Cryptography.X509Certificates;
using Dass.Grid.Gateway.Protocol;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;

namespace Dass.Grid.Gateway.Tenants;

/// <summary>The tenant that calls, and its rights.</summary>
/// <param name="Tenant">The tenant's name.</param>
/// <param name="KeyId">Which of its keys; null: one of the configuration, another credential, or none was needed.</param>
/// <param name="Limits">What it may use.</param>
/// <param name="Models">Models that it may use; empty: all.</param>
internal sealed record Caller(string Tenant, string? KeyId, TenantLimits Limits, string[] Models)
{
    /// <summary>When sounds count as events, where requests do not set it; null: as on every silo.</summary>
    public SoundEventRule? Events { get; init; }

    /// <summary>
    /// Completes a stream's or a recording's specification by its tenant's. Where a request sets on but not off, off stays in proportion to
    /// on.
    /// </summary>
    public StreamSpec Complete(StreamSpec spec) => spec with
    {
        Weight = Limits.Weight ?? 1, // said each time: one that is taken back must not stay
        Events = Events is not { } own ? spec.Events
            : spec.Events is not { } asked ? own
            : new SoundEventRule(
                asked.On ?? own.On,
                asked.Off ?? (asked.On is null ? own.Off : null),
                asked.MinDuration ?? own.MinDuration,
                asked.MergeGap ?? own.MergeGap),
    };

    /// <summary>When the credential runs out, and the call with it; null: never.</summary>
    public DateTimeOffset? Until { get; init; }
}

/// <summary>
/// From a call's credential to its tenant: a key, a token of the identity provider, either of them in a page's session, or a client
/// certificate. The first that is there decides.
/// </summary>
internal sealed class CallerAuthenticator(
    IOptions<TenantsOptions> options, IOptionsMonitor<JwtBearerOptions> bearer, TenantKeys keys, SessionCookies sessions)
{
    // A browser cannot set headers of a WebSocket, but name protocols.
    private const string KeyProtocol = "dass.key.";

    private const string CommonName = "2.5.4.3";
    private static readonly TimeSpan ProviderPatience = TimeSpan.FromSeconds(10);

    /// <exception cref="RpcException">
    /// UNAUTHENTICATED: no credential, or a wrong one. PERMISSION_DENIED: the tenant is disabled. UNAVAILABLE: the registry or the identity
    /// provider cannot be reached.
    /// </exception>
    public async ValueTask<Caller> AuthenticateAsync(HttpContext http)
    {
        if (!options.Value.AnyCredentials)
        {
            RequireLoopbackName(http.Request);
            return keys.DefaultCaller;
        }
        if ((KeyIn(http.Request) ?? sessions.CredentialIn(http.Request, isAdmin: false)) is { } key)
        {
            return await AuthenticateAsync(http, key);
        }
        // The connection has been made with a certificate that the grid's authority for clients has signed: else there is none here.
        return options.Value.ClientCertificates && http.Connection.ClientCertificate is { } certificate
            ? keys.CallerFor(NameIn(certificate)) with { Until = certificate.NotAfter }
            : throw ProtocolErrors.NoKey();
    }

    /// <summary>The tenant of a key or a token that the request has in another place than its headers.</summary>
    /// <exception cref="RpcException">As <see cref="AuthenticateAsync(HttpContext)"/>.</exception>
    public async ValueTask<Caller> AuthenticateAsync(HttpContext http, string credential)
    {
        if (options.Value.Tokens.Authority is null || !LooksLikeToken(credential))
        {
            return keys.Authenticate(credential);
        }
        http.Features.Set(new TokenFeature(credential));
        return await AuthenticateTokenAsync(http);
    }

    /// <summary>Whether callers need no credential here.</summary>
    public bool IsKeyless => !options.Value.AnyCredentials;

    public bool IsAdmin(string key) => keys.IsAdmin(key);

    /// <exception cref="RpcException">UNAUTHENTICATED: not an admin's key.</exception>
    public void RequireAdmin(HttpContext http)
    {
        if (!options.Value.AnyCredentials)
        {
            RequireLoopbackName(http.Request);
        }
        else if (!((KeyIn(http.Request) ?? sessions.CredentialIn(http.Request, isAdmin: true)) is { } key && keys.IsAdmin(key)))
        {
            throw ProtocolErrors.NoAdmin();
        }
    }

    // A page from elsewhere can make a browser on this machine call any name that it lets point here.
    private static void RequireLoopbackName(HttpRequest request)
    {
        var host = request.Host.Host;
        if (host != "localhost" && !(IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address)))
        {
            throw ProtocolErrors.ForeignHost(host);
        }
    }

    /// <summary>
    /// Takes tokens where the configuration names a provider. Keys are not tokens: what has not three parts is left to <see
    /// cref="TenantKeys"/>.
    /// </summary>
    public static void Configure(JwtBearerOptions bearer, TokenOptions tokens)
    {
        bearer.Authority = tokens.Authority;
        bearer.Audience = tokens.Audience;
        bearer.MapInboundClaims = false;
        bearer.BackchannelTimeout = ProviderPatience; // calls wait for it
        bearer.RequireHttpsMetadata = tokens.Authority is not { } authority || !new Uri(authority).IsLoopback;
        bearer.TokenValidationParameters.ClockSkew = tokens.ClockSkew;
        bearer.TokenValidationParameters.RequireExpirationTime = true;
        bearer.Events = new JwtBearerEvents
        {
            OnMessageReceived = received =>
            {
                if (tokens.Authority is not null && received.HttpContext.Features.Get<TokenFeature>() is { } sent)
                {
                    received.Token = sent.Token;
                }
                else
                {
                    received.NoResult();
                }
                return Task.CompletedTask;
            },
        };
    }

    private async Task<Caller> AuthenticateTokenAsync(HttpContext http)
    {
        try
        {
            // Without it every token would seem to have a foreign signature.
            await bearer.Get(JwtBearerDefaults.AuthenticationScheme).ConfigurationManager!.GetConfigurationAsync(http.RequestAborted);
        }
        catch (InvalidOperationException)
        {
            throw ProtocolErrors.NoProvider();
        }
        // A handler of our own: the request's has answered before, in the framework's middleware, when no token was known yet.
        await using var scope = http.RequestServices.CreateAsyncScope();
        var handlers = scope.ServiceProvider.GetRequiredService<IAuthenticationHandlerProvider>();
        var handler = await handlers.GetHandlerAsync(http, JwtBearerDefaults.AuthenticationScheme);
        var result = await handler!.AuthenticateAsync();
        if (result.Principal is not { } principal)
        {
            throw result.Failure is SecurityTokenExpiredException ? ProtocolErrors.CredentialExpired() : ProtocolErrors.WrongToken();
        }
        var claim = options.Value.Tokens.TenantClaim;
        var tenant = principal.FindAll(claim).ToArray() switch // a list is as many claims
        {
            [] => throw ProtocolErrors.NoTenantClaim(claim),
            [var only] => only.Value,
            var several => throw ProtocolErrors.SeveralTenants(claim, several.Length),
        };
        return keys.CallerFor(tenant) with { Until = Later(result.Properties?.ExpiresUtc, options.Value.Tokens.ClockSkew) };
    }

    // "Never" is written as the last second of the year 9999.
    private static DateTimeOffset? Later(DateTimeOffset? time, TimeSpan by) =>
        time > DateTimeOffset.MaxValue - by ? DateTimeOffset.MaxValue : time + by;

    // .NET's simple name of a certificate without a common name is its unit, or its organization.
    private static string NameIn(X509Certificate2 certificate) =>
        certificate.SubjectName.EnumerateRelativeDistinguishedNames()
            .Where(part => !part.HasMultipleElements && part.GetSingleElementType().Value == CommonName)
            .Select(part => part.GetSingleElementValue()).ToArray() is [{ } name]
            ? name
            : throw ProtocolErrors.NoCommonName();

    private static bool LooksLikeToken(string key) => key.AsSpan().Count('.') == 2;

    private static string? KeyIn(HttpRequest request)
    {
        const string Bearer = "Bearer ";
        return request.Headers.Authorization.ToString() is var value && value.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase)
            ? value[Bearer.Length..].Trim()
            : request.Headers["x-api-key"].FirstOrDefault()?.Trim()
                ?? request.HttpContext.WebSockets.WebSocketRequestedProtocols
                    .FirstOrDefault(protocol => protocol.StartsWith(KeyProtocol, StringComparison.Ordinal))
                    ?[KeyProtocol.Length..];
    }

    /// <summary>Carries the token to the framework's handler of tokens.</summary>
    private sealed record TokenFeature(string Token);
}
