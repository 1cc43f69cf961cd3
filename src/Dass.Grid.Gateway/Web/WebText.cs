using Dass.Grid.Gateway.Protocol;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;

namespace Dass.Grid.Gateway.Web;

/// <summary>Messages and errors as JSON, for clients without gRPC.</summary>
internal static class WebText
{
    private static readonly JsonFormatter Formatter = new(new JsonFormatter.Settings(formatDefaultValues: true));
    private static readonly JsonParser Parser = new(JsonParser.Settings.Default);

    public static string ToJson(IMessage message) => Formatter.Format(message);

    /// <summary>As the JSON of the other paths has it: code is that of gRPC.</summary>
    public static string ToJson(RpcException failure) =>
        System.Text.Json.JsonSerializer.Serialize(new { code = (int)failure.StatusCode, message = failure.Status.Detail });

    /// <exception cref="RpcException">INVALID_ARGUMENT: no JSON of such a message.</exception>
    public static T Parse<T>(string text)
        where T : IMessage, new()
    {
        try
        {
            return Parser.Parse<T>(text);
        }
        catch (Exception broken) when (broken is InvalidProtocolBufferException or InvalidJsonException)
        {
            throw ProtocolErrors.BrokenText(broken.Message);
        }
    }

    /// <summary>Answers a request that has had no answer yet with an error.</summary>
    public static async Task RefuseAsync(HttpContext http, RpcException failure)
    {
        http.Response.StatusCode = failure.StatusCode switch
        {
            StatusCode.InvalidArgument or StatusCode.OutOfRange or StatusCode.FailedPrecondition => StatusCodes.Status400BadRequest,
            StatusCode.Unauthenticated => StatusCodes.Status401Unauthorized,
            StatusCode.PermissionDenied => StatusCodes.Status403Forbidden,
            StatusCode.NotFound => StatusCodes.Status404NotFound,
            StatusCode.Aborted or StatusCode.AlreadyExists => StatusCodes.Status409Conflict,
            StatusCode.ResourceExhausted => StatusCodes.Status429TooManyRequests,
            StatusCode.Cancelled => StatusCodes.Status499ClientClosedRequest,
            StatusCode.Unavailable => StatusCodes.Status503ServiceUnavailable,
            _ => StatusCodes.Status500InternalServerError,
        };
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync(ToJson(failure), CancellationToken.None);
    }
}
