using System.Buffers;
using Dass.Grid.Gateway.Calls;
using Dass.Grid.Gateway.Grid;
using Dass.Grid.Gateway.Protocol;
using Dass.Grid.Gateway.Streams;
using Google.Protobuf;
using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Dass.Grid.Gateway.Web;

/// <summary><c>POST /v1/tag</c> with a WAV file as its body; the query is the rest of the TagRequest.</summary>
internal static class TagFile
{
    private const int HeaderBytes = 64 << 10; // beside the audio: chunks of a WAV that hold none

    private static readonly string[] MediaTypes = ["audio/wav", "audio/wave", "audio/x-wav", "audio/vnd.wave"];

    /// <summary>The endpoint of Tag takes JSON; a WAV is answered before it.</summary>
    public static void IsTaken(EndpointBuilder endpoint)
    {
        var serve = endpoint.RequestDelegate!;
        if (endpoint.Metadata.OfType<GrpcMethodMetadata>().FirstOrDefault()?.Method.FullName != "/dass.grid.v1.Tagging/Tag")
        {
            return;
        }
        endpoint.RequestDelegate = http => IsWav(http.Request.ContentType) ? RunAsync(http)
            : http.Request.HasJsonContentType() || !http.Request.Path.StartsWithSegments("/v1") ? serve(http)
            : HttpRefusals.AnswerAsync(
                http, ProtocolErrors.Query("content-type", http.Request.ContentType ?? "", "audio/wav or application/json"));
    }

    private static bool IsWav(string? contentType) =>
        contentType is not null && MediaTypes.Contains(contentType.Split(';')[0].Trim(), StringComparer.OrdinalIgnoreCase);

    private static async Task RunAsync(HttpContext http)
    {
        var guard = http.RequestServices.GetRequiredService<CallGuard>();
        using var call = new CallState("Tag");
        using var ending = guard.Ending(call, http.RequestAborted);
        try
        {
            var answer = await guard.RunAsync(http, call, isAdmin: false, async () =>
            {
                var request = new WebQuery(http.Request.Query).Tag();
                var most = http.RequestServices.GetRequiredService<GridAccess>().Options.MaxMessageBytes + HeaderBytes;
                var (format, samples) = WavBody.Parse(await ReadAsync(http, most, ending.Token));
                (request.Format, request.Audio) = (format, UnsafeByteOperations.UnsafeWrap(samples));
                return await http.RequestServices.GetRequiredService<ClipCall>().TagAsync(request, call, DateTime.MaxValue, ending.Token);
            });
            http.Response.ContentType = "application/json";
            await http.Response.WriteAsync(WebText.ToJson(answer), http.RequestAborted);
        }
        catch (RpcException failure)
        {
            await HttpRefusals.AnswerAsync(http, failure);
        }
    }

    private static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpContext http, int most, CancellationToken cancellationToken)
    {
        if (http.Request.ContentLength > most)
        {
            http.Response.Headers.Connection = "close"; // the rest of the body is not read
            throw ProtocolErrors.MessageTooLong((long)most);
        }
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = null; // it is kept here
        }
        var body = new ArrayBufferWriter<byte>((int)(http.Request.ContentLength ?? 4096) + 1);
        int read;
        while ((read = await http.Request.Body.ReadAsync(body.GetMemory(4096), cancellationToken)) > 0)
        {
            body.Advance(read);
            if (body.WrittenCount > most)
            {
                http.Response.Headers.Connection = "close";
                throw ProtocolErrors.MessageTooLong((long)most);
            }
        }
        return body.WrittenMemory;
    }
}
