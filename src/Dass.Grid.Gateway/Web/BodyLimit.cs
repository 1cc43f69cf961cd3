using Dass.Grid.Gateway.Grid;
using Dass.Grid.Gateway.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Dass.Grid.Gateway.Web;

/// <summary>
/// Bounds the body of a request in JSON, on every port: that of gRPC serves the same paths. gRPC has its own limit, of each message.
/// </summary>
internal static class BodyLimit
{
    /// <summary>Base64 makes a third more of audio; the rest is for names and spaces.</summary>
    private const int JsonBytesPerByte = 2;

    private const string Grpc = "application/grpc";

    public static void Holds(EndpointBuilder endpoint)
    {
        var serve = endpoint.RequestDelegate!;
        endpoint.RequestDelegate = http =>
        {
            if (http.Request.ContentType?.StartsWith(Grpc, StringComparison.OrdinalIgnoreCase) == true)
            {
                return serve(http);
            }
            var most = (long)JsonBytesPerByte * http.RequestServices.GetRequiredService<GridAccess>().Options.MaxMessageBytes;
            if (http.Request.ContentLength > most)
            {
                if (HttpProtocol.IsHttp11(http.Request.Protocol))
                {
                    http.Response.Headers.Connection = "close"; // the rest of the body is not read
                }
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
