using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>What a browser can do: requests, server-sent events, WebSockets.</summary>
internal sealed class Page(Uri address, string? key = null) : IDisposable
{
    private readonly HttpClient _http = Client(address, key);

    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? json = null, string? host = null)
    {
        var request = new HttpRequestMessage(method, path)
        {
            Content = json is null ? null : new StringContent(json, Encoding.UTF8, "application/json"),
        };
        request.Headers.Host = host;
        return _http.SendAsync(request);
    }

    public Task<HttpResponseMessage> PostAsync(string path, HttpContent body) => _http.PostAsync(path, body);

    public async Task<JsonElement> GetAsync(string path)
    {
        var answer = await SendAsync(HttpMethod.Get, path);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        return JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
    }

    /// <summary>Events with their ids, until the server ends them.</summary>
    public async IAsyncEnumerable<(string? Id, string Kind, JsonElement Data)> EventsAsync(string path, string? lastId = null)
    {
        using var deadline = new CancellationTokenSource(TestGrid.Patience);
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (lastId is not null)
        {
            request.Headers.Add("Last-Event-ID", lastId);
        }
        using var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, deadline.Token);
        Assert.True(
            answer.Content.Headers.ContentType?.MediaType == "text/event-stream",
            answer.IsSuccessStatusCode ? "" : await answer.Content.ReadAsStringAsync(deadline.Token));
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(deadline.Token));
        var (id, kind) = (default(string), "");
        while (await lines.ReadLineAsync(deadline.Token) is { } line)
        {
            if (line.StartsWith("id: ", StringComparison.Ordinal))
            {
                id = line[4..];
            }
            else if (line.StartsWith("event: ", StringComparison.Ordinal))
            {
                kind = line[7..];
            }
            else if (line.StartsWith("data: ", StringComparison.Ordinal))
            {
                yield return (id, kind, JsonDocument.Parse(line[6..]).RootElement);
                id = null;
            }
        }
    }

    public async Task<ClientWebSocket> ConnectAsync(string path, string? origin = null, params string[] protocols)
    {
        var socket = new ClientWebSocket();
        if (origin is not null)
        {
            socket.Options.SetRequestHeader("Origin", origin);
        }
        foreach (var protocol in protocols)
        {
            socket.Options.AddSubProtocol(protocol);
        }
        var builder = new UriBuilder(new Uri(address, path)) { Scheme = "ws" };
        await socket.ConnectAsync(builder.Uri, CancellationToken.None).WaitAsync(TestGrid.Patience);
        return socket;
    }

    /// <summary>The text messages of a socket until its close.</summary>
    public static async Task<List<JsonElement>> ReadToEndAsync(ClientWebSocket socket)
    {
        var (messages, buffer, text) = (new List<JsonElement>(), new byte[65_536], new MemoryStream());
        using var deadline = new CancellationTokenSource(TestGrid.Patience);
        while (true)
        {
            var part = await socket.ReceiveAsync(buffer.AsMemory(), deadline.Token);
            if (part.MessageType == WebSocketMessageType.Close)
            {
                return messages;
            }
            text.Write(buffer, 0, part.Count);
            if (part.EndOfMessage)
            {
                messages.Add(JsonDocument.Parse(text.ToArray()).RootElement);
                text.SetLength(0);
            }
        }
    }

    public void Dispose() => _http.Dispose();

    private static HttpClient Client(Uri address, string? key)
    {
        var http = new HttpClient { BaseAddress = address };
        if (key is not null)
        {
            http.DefaultRequestHeaders.Authorization = new("Bearer", key);
        }
        return http;
    }
}
