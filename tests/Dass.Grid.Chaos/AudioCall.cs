using System.Globalization;
using System.Net.WebSockets;
using System.Text.Json;
using Dass.Grid.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Dass.Grid.Chaos;

/// <summary>One call that feeds a stream. Every way in which it breaks is an <see cref="RpcException"/>.</summary>
internal interface IAudioCall : IDisposable
{
    Task SendAsync(StreamRequest request, CancellationToken cancellationToken);

    /// <returns>The next answer; null: the grid has ended the call in order.</returns>
    Task<StreamResponse?> ReadAsync(CancellationToken cancellationToken);
}

internal sealed class GrpcAudio : IAudioCall
{
    private readonly AsyncDuplexStreamingCall<StreamRequest, StreamResponse> _call;

    private GrpcAudio(AsyncDuplexStreamingCall<StreamRequest, StreamResponse> call) => _call = call;

    public static async Task<IAudioCall> BeginAsync(
        Tagging.TaggingClient gateway, string key, StreamConfig config, CancellationToken cancellationToken)
    {
        var audio = new GrpcAudio(gateway.Stream(new Metadata { { "x-api-key", key } }, cancellationToken: cancellationToken));
        await audio._call.RequestStream.WriteAsync(new StreamRequest { Config = config }, cancellationToken);
        return audio;
    }

    public async Task SendAsync(StreamRequest request, CancellationToken cancellationToken)
    {
        await _call.RequestStream.WriteAsync(request, cancellationToken);
        if (request.Finish is not null)
        {
            await _call.RequestStream.CompleteAsync();
        }
    }

    public async Task<StreamResponse?> ReadAsync(CancellationToken cancellationToken) =>
        await _call.ResponseStream.MoveNext(cancellationToken) ? _call.ResponseStream.Current : null;

    public void Dispose() => _call.Dispose();
}

/// <summary>As a browser does it: the configuration in the query, samples in binary messages, answers in JSON.</summary>
internal sealed class SocketAudio : IAudioCall
{
    private static readonly JsonParser Parser = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true));

    private readonly ClientWebSocket _socket = new();
    private readonly MemoryStream _text = new();
    private readonly byte[] _buffer = new byte[65_536];

    private SocketAudio()
    {
    }

    public static async Task<IAudioCall> BeginAsync(Uri gateway, string key, StreamConfig config, CancellationToken cancellationToken)
    {
        var query = string.Create(
            CultureInfo.InvariantCulture,
            $"encoding=pcm16&sample_rate_hz={config.Format.SampleRateHz}&look_ahead={config.LookAhead.ToTimeSpan().TotalSeconds}"
            + $"&top=0&dense=true&from_chunk={config.FromChunk}&oldest_sample={config.OldestSample}");
        if (config.Begun is { } begun)
        {
            query += $"&begun={begun.ToDiagnosticString().Trim('"')}";
        }
        var audio = new SocketAudio();
        audio._socket.Options.SetRequestHeader("Authorization", $"Bearer {key}");
        var address = new UriBuilder(new Uri(gateway, $"/v1/streams/{config.StreamId}/audio?{query}")) { Scheme = "ws" };
        try
        {
            await audio._socket.ConnectAsync(address.Uri, cancellationToken);
            return audio;
        }
        catch (WebSocketException away)
        {
            audio.Dispose();
            throw Broken(away);
        }
    }

    public async Task SendAsync(StreamRequest request, CancellationToken cancellationToken)
    {
        try
        {
            var (bytes, type) = request.Audio is { } audio
                ? (audio.Data.Memory, WebSocketMessageType.Binary)
                : (System.Text.Encoding.UTF8.GetBytes("""{"finish":{}}"""), WebSocketMessageType.Text);
            await _socket.SendAsync(bytes, type, endOfMessage: true, cancellationToken);
        }
        catch (WebSocketException away)
        {
            throw Broken(away);
        }
    }

    public async Task<StreamResponse?> ReadAsync(CancellationToken cancellationToken)
    {
        _text.SetLength(0);
        try
        {
            while (true)
            {
                var part = await _socket.ReceiveAsync(_buffer.AsMemory(), cancellationToken);
                if (part.MessageType == WebSocketMessageType.Close)
                {
                    return null;
                }
                _text.Write(_buffer, 0, part.Count);
                if (part.EndOfMessage)
                {
                    break;
                }
            }
        }
        catch (WebSocketException away)
        {
            throw Broken(away);
        }
        var json = System.Text.Encoding.UTF8.GetString(_text.GetBuffer().AsSpan(0, (int)_text.Length));
        if (json.StartsWith("""{"error":""", StringComparison.Ordinal))
        {
            using var answer = JsonDocument.Parse(json);
            throw Refusal(answer.RootElement.GetProperty("error"));
        }
        return Parser.Parse<StreamResponse>(json);
    }

    public void Dispose()
    {
        _socket.Dispose();
        _text.Dispose();
    }

    /// <summary>The error of an answer in JSON: code and message.</summary>
    public static RpcException Refusal(JsonElement error) =>
        new(new Status((StatusCode)error.GetProperty("code").GetInt32(), error.GetProperty("message").GetString() ?? ""));

    private static RpcException Broken(WebSocketException away) => new(new Status(StatusCode.Unavailable, away.Message));
}
