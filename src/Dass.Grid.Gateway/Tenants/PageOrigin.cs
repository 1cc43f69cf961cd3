using Dass.Grid.Gateway.Protocol;
using Microsoft.AspNetCore.Http;

namespace Dass.Grid.Gateway.Tenants;

/// <summary>
/// Which web pages may make a browser call here in its user's name. Browsers say which page it is, and other clients need not.
/// </summary>
internal static class PageOrigin
{
    /// <exception cref="RpcException">PERMISSION_DENIED: the request is one of a page from elsewhere that is not listed.</exception>
    public static void Require(HttpRequest request, IReadOnlyCollection<string> listed)
    {
        if (request.Headers.Origin.ToString() is { Length: > 0 } origin && origin != Own(request) && !listed.Contains(origin))
        {
            throw ProtocolErrors.ForeignOrigin(origin);
        }
    }

    /// <summary>
    /// The same of a request whose credential the browser has added by itself: a page that is not known must be ruled out.
    /// </summary>
    /// <exception cref="RpcException">PERMISSION_DENIED.</exception>
    public static void RequireKnown(HttpRequest request, IReadOnlyCollection<string> listed)
    {
        Require(request, listed);
        if (request.Headers.Origin.Count > 0)
        {
            return;
        }
        if (!(HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method)))
        {
            throw ProtocolErrors.NoOrigin();
        }
        // Of reading requests browsers name the origin only when it is another's, and not even then for pictures and scripts.
        var site = request.Headers["Sec-Fetch-Site"].ToString();
        if (site is "same-site" or "cross-site")
        {
            throw ProtocolErrors.ForeignOrigin(site);
        }
    }

    /// <summary>Whether the page came by TLS, which a proxy before the gateway may have ended.</summary>
    public static bool IsSecure(HttpRequest request) =>
        request.IsHttps || request.Headers.Origin.ToString().StartsWith("https://", StringComparison.Ordinal);

    private static string Own(HttpRequest request) => $"{request.Scheme}://{request.Host}";
}
