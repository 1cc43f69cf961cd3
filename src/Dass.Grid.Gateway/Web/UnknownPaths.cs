using Dass.Grid.Gateway.Protocol;
using Microsoft.AspNetCore.Http;

namespace Dass.Grid.Gateway.Web;

/// <summary>What no endpoint answers has an answer in JSON all the same, as every refusal has.</summary>
internal static class UnknownPaths
{
    public static async Task RunAsync(HttpContext http, RequestDelegate serve)
    {
        await serve(http);
        if (http.Response is { HasStarted: false, ContentType: null, ContentLength: null }
            && http.Response.StatusCode is StatusCodes.Status404NotFound or StatusCodes.Status405MethodNotAllowed)
        {
            await HttpRefusals.AnswerAsync(http, ProtocolErrors.NoPath(http.Request.Method, http.Request.Path), http.Response.StatusCode);
        }
    }
}
