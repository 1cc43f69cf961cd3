using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Dass.Grid.Gateway.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Tenants;

/// <summary>
/// Credentials of web pages, which cannot set headers of server-sent events: a cookie that scripts cannot read holds the credential, sealed
/// with a secret of the grid. No gateway keeps anything of a session, so every gateway knows it, also after a restart; it ends with its
/// time, with its credential, and when the page deletes it.
/// </summary>
/// <remarks>
/// A cookie is 1 byte of version, nonce, tag, and the sealed end of the session (seconds since 1970) with the credential, as base64url. Its
/// name is sealed along, so one of a tenant is none of an administrator.
/// </remarks>
internal sealed class SessionCookies(IOptions<GatewayOptions> options, RegistryCache registry, IGrainFactory grains, TimeProvider time)
{
    private const string TenantName = "dass-session";
    private const string AdminName = "dass-admin-session";
    private const byte Version = 1;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private const int TimeBytes = 8;
    private const int SecretBytes = 32;

    /// <summary>Of a credential in bytes: with its seal it must fit into a cookie, of which browsers take 4,096.</summary>
    public const int MaxCredentialBytes = 2_900;

    /// <summary>Gives the browser a session with the credential.</summary>
    /// <param name="http">The request of a page.</param>
    /// <param name="credential">At most <see cref="MaxCredentialBytes"/>.</param>
    /// <param name="isAdmin">Whether it is an administrator's key.</param>
    /// <param name="until">When the credential runs out; null: never.</param>
    /// <returns>When the session is over.</returns>
    public async Task<DateTimeOffset> BeginAsync(HttpContext http, string credential, bool isAdmin, DateTimeOffset? until)
    {
        var end = time.GetUtcNow() + options.Value.SessionLifetime;
        end = until < end ? until.Value : end;
        var name = isAdmin ? AdminName : TenantName;
        http.Response.Cookies.Append(name, Seal(await SecretAsync(), name, credential, end), Cookie(http.Request, end));
        return end;
    }

    /// <summary>Takes both kinds of sessions from the browser.</summary>
    public static void End(HttpContext http)
    {
        foreach (var name in new[] { TenantName, AdminName })
        {
            http.Response.Cookies.Delete(name, Cookie(http.Request, end: null));
        }
    }

    /// <summary>The credential of the request's session; null: it has none.</summary>
    /// <exception cref="RpcException">
    /// UNAUTHENTICATED: the session is over. PERMISSION_DENIED: a page from elsewhere has made the request. UNAVAILABLE: the registry has
    /// not been read yet.
    /// </exception>
    public string? CredentialIn(HttpRequest request, bool isAdmin)
    {
        var name = isAdmin ? AdminName : TenantName;
        if (request.Cookies[name] is not { Length: > 0 } cookie)
        {
            return null;
        }
        PageOrigin.RequireKnown(request, options.Value.Origins);
        var known = registry.Current ?? throw ProtocolErrors.RegistryUnknown();
        return known.SessionSecret is { } secret && Open(Convert.FromBase64String(secret), name, cookie) is { } credential
            ? credential
            : throw ProtocolErrors.SessionOver();
    }

    private async Task<byte[]> SecretAsync()
    {
        if (registry.Current?.SessionSecret is null)
        {
            var secret = Convert.ToBase64String(RandomNumberGenerator.GetBytes(SecretBytes));
            await grains.GetGrain<IRegistryGrain>(0).SetSessionSecret(secret);
            await registry.RefreshAsync();
        }
        return registry.Current?.SessionSecret is { } kept ? Convert.FromBase64String(kept) : throw ProtocolErrors.RegistryUnknown();
    }

    private static string Seal(byte[] secret, string name, string credential, DateTimeOffset end)
    {
        var text = Encoding.UTF8.GetBytes(credential);
        var content = new byte[TimeBytes + text.Length];
        BinaryPrimitives.WriteInt64LittleEndian(content, end.ToUnixTimeSeconds());
        text.CopyTo(content, TimeBytes);
        var cookie = new byte[1 + NonceBytes + TagBytes + content.Length];
        cookie[0] = Version;
        var nonce = cookie.AsSpan(1, NonceBytes);
        RandomNumberGenerator.Fill(nonce);
        using var seal = new AesGcm(secret, TagBytes);
        seal.Encrypt(
            nonce, content, cookie.AsSpan(1 + NonceBytes + TagBytes), cookie.AsSpan(1 + NonceBytes, TagBytes),
            Encoding.ASCII.GetBytes(name));
        return Base64Url.EncodeToString(cookie);
    }

    /// <returns>Null: sealed by another grid, changed, or over.</returns>
    private string? Open(byte[] secret, string name, string text)
    {
        if (!Base64Url.IsValid(text, out var length) || length < 1 + NonceBytes + TagBytes + TimeBytes)
        {
            return null;
        }
        var cookie = Base64Url.DecodeFromChars(text);
        if (cookie[0] != Version)
        {
            return null;
        }
        var content = new byte[length - 1 - NonceBytes - TagBytes];
        using var seal = new AesGcm(secret, TagBytes);
        try
        {
            seal.Decrypt(
                cookie.AsSpan(1, NonceBytes), cookie.AsSpan(1 + NonceBytes + TagBytes, content.Length),
                cookie.AsSpan(1 + NonceBytes, TagBytes), content, Encoding.ASCII.GetBytes(name));
        }
        catch (CryptographicException)
        {
            return null;
        }
        var end = BinaryPrimitives.ReadInt64LittleEndian(content);
        return end > time.GetUtcNow().ToUnixTimeSeconds() ? Encoding.UTF8.GetString(content, TimeBytes, content.Length - TimeBytes) : null;
    }

    private static CookieOptions Cookie(HttpRequest request, DateTimeOffset? end) => new()
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Strict,
        Secure = PageOrigin.IsSecure(request),
        Path = "/",
        Expires = end,
    };
}
