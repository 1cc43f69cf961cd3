using Dass.Grid.Gateway.Grid;
using Dass.Grid.Gateway.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Dass.Grid.Gateway.Web;

/// <summary>
/// The body of a request in JSON is read before its sender is authenticated. gRPC has its own limit, of each message; this one holds for
/// clients without gRPC.
/// </summary>
internal static class BodyLimit
{
    /// <summary>Base64 makes a third more of audio; the rest is for names and spaces.</summary>
    private const int JsonBytesPerByte = 2;

    public static void Holds(EndpointBuilder endpoint)
    {
        var serve = endpoint.RequestDelegate!;
        endpoint.RequestDelegate = http =>
        {
            if (HttpProtocol.IsHttp2(http.Request.Protocol))
            {
                return serve(http);
            }
            var most = (long)JsonBytesPerByte * http.RequestServices.GetRequiredService<GridAccess>().Options.MaxMessageBytes;
            if (http.Request.ContentLength > most)
            {
                http.Response.Headers.Connection = "close"; // the rest of the body is not read
                return HttpRefusals.AnswerAsync(http, ProtocolErrors.MessageTooLong(most));
            }
            if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            {
                limit.MaxRequestBodySize = most;
            }
            return serve(http);
        };
    }
}
