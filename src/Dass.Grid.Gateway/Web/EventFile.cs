using Dass.Grid.Gateway.Calls;
using Dass.Grid.Gateway.Events;
using Dass.Grid.Gateway.Grid;
using Dass.Grid.Gateway.Protocol;
using Dass.Grid.V1;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Dass.Grid.Gateway.Web;

/// <summary>Kept events as a file that a browser or a script downloads.</summary>
internal sealed class EventFile(HttpContext http, string mediaType) : IServerStreamWriter<ExportEventsResponse>
{
    public WriteOptions? WriteOptions { get; set; }

    public static async Task RunAsync(HttpContext http)
    {
        var (guard, grid) = (http.RequestServices.GetRequiredService<CallGuard>(), http.RequestServices.GetRequiredService<GridAccess>());
        using var call = new CallState("ExportEvents");
        using var ending = guard.Ending(call, http.RequestAborted);
        try
        {
            await guard.RunAsync(http, call, isAdmin: false, async () =>
            {
                var request = new WebQuery(http.Request.Query).Export();
                var mediaType = request.Format switch
                {
                    ExportFormat.JsonLines => "application/x-ndjson",
                    ExportFormat.Csv => "text/csv",
                    ExportFormat.Webvtt => "text/vtt",
                    _ => "text/plain",
                };
                await new EventLogQueries(grid, call).ExportAsync(request, new EventFile(http, mediaType), ending.Token);
                return true;
            });
        }
        catch (RpcException failure) when (!http.Response.HasStarted)
        {
            await HttpRefusals.AnswerAsync(http, failure);
        }
        catch (RpcException)
        {
            http.Abort(); // half of a file must not look like all of it
        }
    }

    public Task WriteAsync(ExportEventsResponse message) => WriteAsync(message, CancellationToken.None);

    public async Task WriteAsync(ExportEventsResponse message, CancellationToken cancellationToken)
    {
        if (!http.Response.HasStarted)
        {
            http.Response.ContentType = $"{mediaType}; charset=utf-8";
            http.Response.Headers.CacheControl = "no-store";
        }
        await http.Response.Body.WriteAsync(message.Data.Memory, cancellationToken);
    }
}
