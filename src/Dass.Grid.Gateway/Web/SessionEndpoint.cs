using System.Text.Json;
using Dass.Grid.Gateway.Calls;
using Dass.Grid.Gateway.Protocol;
using Dass.Grid.Gateway.Tenants;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Web;

/// <summary>
/// <c>/v1/session</c>: POST <c>{"key": "…"}</c> opens a page's session for a tenant's key or token, or for an administrator's key, which
/// stand side by side; DELETE ends both; each answers with what the browser may do now, as GET does.
/// </summary>
internal static class SessionEndpoint
{
    private const int MaxBodyBytes = 16 << 10;

    public static Task GetAsync(HttpContext http) => AnswerAsync(http, "GetSession", () => StateAsync(http));

    public static Task PostAsync(HttpContext http) => AnswerAsync(http, "CreateSession", async () =>
    {
        PageOrigin.RequireKnown(http.Request, Options(http).Origins);
        var callers = http.RequestServices.GetRequiredService<CallerAuthenticator>();
        if (callers.IsKeyless)
        {
            return await StateAsync(http);
        }
        var key = await ReadKeyAsync(http);
        var sessions = http.RequestServices.GetRequiredService<SessionCookies>();
        if (callers.IsAdmin(key))
        {
            var end = await sessions.BeginAsync(http, key, isAdmin: true, until: null);
            return await StateAsync(http) with { Admin = true, AdminUntil = end };
        }
        var caller = await callers.AuthenticateAsync(http, key);
        var until = await sessions.BeginAsync(http, key, isAdmin: false, caller.Until);
        return await StateAsync(http) with { Tenant = caller.Tenant, Until = until };
    });

    public static Task DeleteAsync(HttpContext http) => AnswerAsync(http, "DeleteSession", async () =>
    {
        PageOrigin.RequireKnown(http.Request, Options(http).Origins);
        SessionCookies.End(http);
        http.Request.Headers.Remove("cookie"); // the answer says what the next request may do
        return await StateAsync(http);
    });

    /// <summary>What a browser may do here.</summary>
    /// <param name="Tenant">Whose streams it sees; null: none's.</param>
    /// <param name="Admin">Whether it may make the calls of an administrator.</param>
    /// <param name="NeedsKey">Whether anything needs a key here.</param>
    /// <param name="Until">Of a tenant's session that has just been opened: its end.</param>
    /// <param name="AdminUntil">The same of an administrator's.</param>
    private sealed record State(string? Tenant, bool Admin, bool NeedsKey, DateTimeOffset? Until = null, DateTimeOffset? AdminUntil = null);

    private static async Task<State> StateAsync(HttpContext http)
    {
        var callers = http.RequestServices.GetRequiredService<CallerAuthenticator>();
        var tenant = await OrNullAsync(async () => (await callers.AuthenticateAsync(http)).Tenant);
        var admin = await OrNullAsync(() =>
        {
            callers.RequireAdmin(http);
            return ValueTask.FromResult("");
        });
        return new State(tenant, admin is not null, !callers.IsKeyless);
    }

    /// <summary>A page asks what it may do: a no is an answer, not a failure.</summary>
    private static async Task<string?> OrNullAsync(Func<ValueTask<string>> ask)
    {
        try
        {
            return await ask();
        }
        catch (RpcException no) when (no.StatusCode is StatusCode.Unauthenticated or StatusCode.PermissionDenied)
        {
            return null;
        }
    }

    private static async Task<string> ReadKeyAsync(HttpContext http)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = MaxBodyBytes;
        }
        if (!http.Request.HasJsonContentType())
        {
            throw ProtocolErrors.SessionText("the header content-type must be application/json");
        }
        try
        {
            using var body = await JsonDocument.ParseAsync(http.Request.Body, cancellationToken: http.RequestAborted);
            var key = body.RootElement.GetProperty("key").GetString()?.Trim();
            return key is { Length: > 0 } && System.Text.Encoding.UTF8.GetByteCount(key) <= SessionCookies.MaxCredentialBytes
                ? key
                : throw ProtocolErrors.SessionText($"key has 1 to {SessionCookies.MaxCredentialBytes} bytes");
        }
        catch (Exception broken)
            when (broken is JsonException or KeyNotFoundException or InvalidOperationException or BadHttpRequestException)
        {
            throw ProtocolErrors.SessionText(broken.Message.TrimEnd('.'));
        }
    }

    private static async Task AnswerAsync(HttpContext http, string method, Func<Task<State>> answer)
    {
        http.Response.Headers.CacheControl = "no-store";
        try
        {
            await http.Response.WriteAsJsonAsync(await answer(), JsonSerializerOptions.Web, http.RequestAborted);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            await HttpRefusals.AnswerAsync(http, http.RequestServices.GetRequiredService<CallGuard>().Refuse(http, method, failure));
        }
    }

    private static GatewayOptions Options(HttpContext http) => http.RequestServices.GetRequiredService<IOptions<GatewayOptions>>().Value;
}
