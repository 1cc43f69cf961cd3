using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>A real web server that takes messages, and answers as a test says.</summary>
internal sealed class WebhookReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<Message> _messages = new();

    private WebhookReceiver(WebApplication app) => _app = app;

    /// <summary>A request, taken or not.</summary>
    /// <param name="Id">webhook-id.</param>
    /// <param name="Headers">All of them.</param>
    /// <param name="Body">As it was sent.</param>
    /// <param name="Status">What was answered.</param>
    public sealed record Message(string Id, IHeaderDictionary Headers, string Body, int Status)
    {
        public JsonElement Data => JsonDocument.Parse(Body).RootElement.GetProperty("data");

        public string Stream => Data.GetProperty("stream_id").GetString()!;

        public string Label => Data.GetProperty("label").GetString()!;
    }

    /// <summary>All requests in the order of their answers.</summary>
    public Message[] All => [.. _messages];

    /// <summary>Those that were taken.</summary>
    public Message[] Taken => [.. _messages.Where(message => message.Status == 200)];

    public Uri Address => new(_app.Urls.First());

    /// <summary>What is answered; asked with each request, from several at a time.</summary>
    public Func<HttpContext, Task<int>> Answer { get; set; } = _ => Task.FromResult(200);

    /// <param name="port">0: a free one.</param>
    public static async Task<WebhookReceiver> StartAsync(int port = 0)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add($"http://127.0.0.1:{port}");
        var receiver = new WebhookReceiver(app);
        app.MapPost("/{**path}", async (HttpContext context) =>
        {
            using var reader = new StreamReader(context.Request.Body);
            var body = await reader.ReadToEndAsync();
            var headers = new HeaderDictionary(context.Request.Headers.ToDictionary(StringComparer.OrdinalIgnoreCase));
            var status = await receiver.Answer(context);
            receiver._messages.Enqueue(new Message(headers["webhook-id"].ToString(), headers, body, status));
            context.Response.StatusCode = status;
            await context.Response.WriteAsync($"answer {status}");
        });
        await app.StartAsync();
        return receiver;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}
