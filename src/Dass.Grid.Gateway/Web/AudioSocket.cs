using System.Buffers;
using System.Net.WebSockets;
using Dass.Grid.Gateway.Calls;
using Dass.Grid.Gateway.Protocol;
using Dass.Grid.Gateway.Streams;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Encoding = System.Text.Encoding;

namespace Dass.Grid.Gateway.Web;

/// <summary>
/// The Stream call over a WebSocket: the query is the StreamConfig, binary messages are raw samples, text messages StreamRequests in JSON
/// (<c>{"finish":{}}</c>); answers are StreamResponses in JSON, and <c>{"error":{"code","message"}}</c> before a close that is none of the
/// client's.
/// </summary>
internal sealed class AudioSocket(WebSocket socket, int maxMessageBytes)
    : IAsyncStreamReader<StreamRequest>, IServerStreamWriter<StreamResponse>
{
    private const string Protocol = "dass.v1";
    private const int MaxReasonBytes = 123; // of a close frame, by RFC 6455
    private static readonly TimeSpan ClosePatience = TimeSpan.FromSeconds(5);

    private readonly ArrayBufferWriter<byte> _message = new();
    private StreamConfig _config = new();
    private Task<ValueWebSocketReceiveResult>? _receiving;

    public StreamRequest Current { get; private set; } = new();

    public WriteOptions? WriteOptions { get; set; }

    public static async Task RunAsync(HttpContext http)
    {
        var guard = http.RequestServices.GetRequiredService<CallGuard>();
        var streams = http.RequestServices.GetRequiredService<StreamServices>();
        var options = streams.Grid.Options;
        using var call = new CallState("Stream");
        using var ending = guard.Ending(call, http.RequestAborted);
        AudioSocket? audio = null;
        try
        {
            await guard.RunAsync(http, call, isAdmin: false, async () =>
            {
                StreamConfig Config() => new WebQuery(http.Request.Query).Stream($"{http.GetRouteValue("streamId")}");
                RequireSocket(http, options.Origins, Config);
                var socket = await http.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext
                {
                    SubProtocol = http.WebSockets.WebSocketRequestedProtocols.Contains(Protocol) ? Protocol : null,
                    KeepAliveInterval = options.SocketPing,
                    KeepAliveTimeout = options.SocketPing,
                });
                // A browser tells a page nothing of a refusal before the upgrade: what is wrong with the query is said after it.
                audio = new AudioSocket(socket, options.MaxMessageBytes);
                audio._config = Config();
                await new StreamCall(streams, call, audio, audio, ending.Token).RunAsync();
                return true;
            });
            await audio!.CloseAsync(WebSocketCloseStatus.NormalClosure, "");
        }
        catch (RpcException failure) when (audio is null)
        {
            await HttpRefusals.AnswerAsync(http, failure);
        }
        catch (RpcException failure)
        {
            await audio!.FailAsync(failure);
        }
    }

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        if (Current.RequestCase == StreamRequest.RequestOneofCase.None)
        {
            Current = new StreamRequest { Config = _config };
            return true;
        }
        _message.ResetWrittenCount();
        while (true)
        {
            var part = await ReceiveAsync(cancellationToken);
            if (part.MessageType == WebSocketMessageType.Close)
            {
                return false;
            }
            _message.Advance(part.Count);
            if (_message.WrittenCount > maxMessageBytes)
            {
                throw ProtocolErrors.MessageTooLong(maxMessageBytes);
            }
            if (part.EndOfMessage)
            {
                Current = part.MessageType == WebSocketMessageType.Binary
                    ? new StreamRequest { Audio = new Audio { Data = ByteString.CopyFrom(_message.WrittenSpan) } }
                    : WebText.Parse<StreamRequest>(Encoding.UTF8.GetString(_message.WrittenSpan));
                return true;
            }
        }
    }

    public Task WriteAsync(StreamResponse message) => SendAsync(WebText.ToJson(message), CancellationToken.None);

    public Task WriteAsync(StreamResponse message, CancellationToken cancellationToken) =>
        SendAsync(WebText.ToJson(message), cancellationToken);

    /// <summary>Browsers leave it to the server whether a page may open a WebSocket.</summary>
    private static void RequireSocket(HttpContext http, List<string> origins, Func<StreamConfig> config)
    {
        if (!http.WebSockets.IsWebSocketRequest)
        {
            config(); // its own rules come first
            throw ProtocolErrors.NoSocket();
        }
        PageOrigin.Require(http.Request, origins);
    }

    // To cancel a receive would break the connection, over which the close has still to go: the receive is left under way, and the close
    // takes it up.
    private async Task<ValueWebSocketReceiveResult> ReceiveAsync(CancellationToken cancellationToken)
    {
        try
        {
            _receiving ??= socket.ReceiveAsync(_message.GetMemory(4096), CancellationToken.None).AsTask();
            var part = await _receiving.WaitAsync(cancellationToken);
            _receiving = null;
            return part;
        }
        catch (WebSocketException gone)
        {
            throw new IOException("The client has gone without a close.", gone);
        }
    }

    private Task SendAsync(string text, CancellationToken cancellationToken) =>
        socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, endOfMessage: true, cancellationToken);

    private async Task FailAsync(RpcException failure)
    {
        using var patience = new CancellationTokenSource(ClosePatience); // the client may be one that does not read
        try
        {
            await SendAsync($"{{\"error\":{HttpRefusals.ToJson(failure)}}}", patience.Token);
        }
        catch (Exception gone) when (gone is WebSocketException or InvalidOperationException or OperationCanceledException)
        {
            socket.Abort();
            return;
        }
        await CloseAsync(
            failure.StatusCode switch
            {
                StatusCode.Internal or StatusCode.Unavailable => WebSocketCloseStatus.InternalServerError,
                _ => WebSocketCloseStatus.PolicyViolation,
            },
            failure.Status.Detail);
    }

    private async Task CloseAsync(WebSocketCloseStatus status, string reason)
    {
        using var patience = new CancellationTokenSource(ClosePatience);
        try
        {
            await socket.CloseOutputAsync(status, Short(reason), patience.Token);
            while (socket.State != WebSocketState.Closed && (await ReceiveAsync(patience.Token)).MessageType != WebSocketMessageType.Close)
            {
                _message.ResetWrittenCount(); // what was on its way
            }
        }
        catch (Exception gone) when (gone is WebSocketException or IOException or OperationCanceledException or InvalidOperationException)
        {
            socket.Abort();
        }
    }

    private static string Short(string text)
    {
        while (Encoding.UTF8.GetByteCount(text) > MaxReasonBytes)
        {
            text = text[..^1];
        }
        return text;
    }
}
