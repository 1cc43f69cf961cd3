using Microsoft.AspNetCore.Http;

namespace Dass.Grid.Gateway.Protocol;

/// <summary>Refusals as answers of HTTP, for requests that no gRPC library answers.</summary>
internal static class HttpRefusals
{
    private const string Grpc = "application/grpc";

    /// <summary>As the JSON of the other paths has it: code is that of gRPC.</summary>
    public static string ToJson(RpcException failure) =>
        System.Text.Json.JsonSerializer.Serialize(new { code = (int)failure.StatusCode, message = failure.Status.Detail });

    /// <summary>
    /// Answers a request that has had no answer yet with an error, in the protocol that the request speaks. What its body still sends is
    /// thrown away as it comes.
    /// </summary>
    /// <param name="http">The request.</param>
    /// <param name="failure">What it is told.</param>
    /// <param name="status">Of HTTP. Null: that of the failure's code.</param>
    public static Task AnswerAsync(HttpContext http, RpcException failure, int? status = null)
    {
        if (http.Request.ContentType?.StartsWith(Grpc, StringComparison.OrdinalIgnoreCase) == true)
        {
            AnswerGrpc(http.Response, failure);
            return Task.CompletedTask;
        }
        http.Response.StatusCode = status ?? failure.StatusCode switch
        {
            StatusCode.InvalidArgument or StatusCode.OutOfRange or StatusCode.FailedPrecondition => StatusCodes.Status400BadRequest,
            StatusCode.Unauthenticated => StatusCodes.Status401Unauthorized,
            StatusCode.PermissionDenied => StatusCodes.Status403Forbidden,
            StatusCode.NotFound => StatusCodes.Status404NotFound,
            StatusCode.Aborted or StatusCode.AlreadyExists => StatusCodes.Status409Conflict,
            StatusCode.ResourceExhausted => StatusCodes.Status429TooManyRequests,
            StatusCode.Cancelled => StatusCodes.Status499ClientClosedRequest,
            StatusCode.Unimplemented => StatusCodes.Status501NotImplemented,
            StatusCode.Unavailable => StatusCodes.Status503ServiceUnavailable,
            StatusCode.DeadlineExceeded => StatusCodes.Status504GatewayTimeout,
            _ => StatusCodes.Status500InternalServerError,
        };
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(ToJson(failure), CancellationToken.None);
    }

    /// <summary>An answer of headers alone, which gRPC calls Trailers-Only.</summary>
    private static void AnswerGrpc(HttpResponse response, RpcException failure)
    {
        response.ContentType = Grpc;
        response.Headers["grpc-status"] = $"{(int)failure.StatusCode}";
        response.Headers["grpc-message"] = Uri.EscapeDataString(failure.Status.Detail);
        foreach (var trailer in failure.Trailers.Where(trailer => !trailer.IsBinary))
        {
            response.Headers[trailer.Key] = trailer.Value;
        }
    }
}
