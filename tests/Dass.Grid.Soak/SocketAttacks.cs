using System.Net;
using System.Net.Sockets;
using Dass.Grid.V1;

namespace Dass.Grid.Soak;

/// <summary>Attacks below gRPC: each method is one of them, once.</summary>
internal sealed class SocketAttacks(HostProcess host)
{
    private const int HeldBodies = 20;
    private const int HeldBytes = 200_000; // of a message that says that it has 1 MiB
    private const int GarbageBytes = 4_096;
    private static readonly TimeSpan Hold = TimeSpan.FromSeconds(10);
    private static readonly byte[] Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();

    private readonly Random _random = new(1);
    private readonly Queue<Socket> _halfOpen = new();

    /// <summary>A connection with calls whose bodies begin, and go on when the connection is closed: never.</summary>
    /// <param name="key">Of the caller; null: none.</param>
    /// <param name="over">Ends it.</param>
    public async Task HoldBackAsync(string? key, CancellationToken over)
    {
        using var http = new HttpClient(new SocketsHttpHandler()) { BaseAddress = host.Address };
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(over);
        leaving.CancelAfter(Hold);
        await Task.WhenAll(Enumerable.Range(0, HeldBodies).Select(_ => HoldBackOneAsync(http, key, leaving.Token)));
    }

    public async Task GarbageAsync(CancellationToken over)
    {
        foreach (var address in new[] { host.Address, host.HttpAddress })
        {
            using var socket = await ConnectAsync(address, over);
            var garbage = new byte[GarbageBytes];
            _random.NextBytes(garbage);
            await socket.SendAsync(garbage, over);
            await socket.ReceiveAsync(garbage, over);
        }
    }

    /// <summary>Connections that end with a reset: after a beginning, and in the middle of a request.</summary>
    public async Task ResetAsync(CancellationToken over)
    {
        byte[] request = [.. $"POST /v1/tag HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60000\r\n\r\n{{".Select(letter => (byte)letter)];
        foreach (var (address, beginning) in new[] { (host.Address, Preface), (host.HttpAddress, request) })
        {
            using var socket = await ConnectAsync(address, over);
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
            await socket.SendAsync(beginning, over);
        }
    }

    /// <summary>Connections on which half a header comes; the oldest is closed when there are more than the grid lets in.</summary>
    public async Task HalfOpenAsync(CancellationToken over)
    {
        const int Most = 150;
        var socket = await ConnectAsync(_halfOpen.Count % 2 == 0 ? host.Address : host.HttpAddress, over);
        _halfOpen.Enqueue(socket);
        await socket.SendAsync("POST /v1/t"u8.ToArray(), over);
        if (_halfOpen.Count > Most)
        {
            _halfOpen.Dequeue().Dispose();
        }
    }

    private static async Task HoldBackOneAsync(HttpClient http, string? key, CancellationToken over)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/{Tagging.Descriptor.FullName}/Tag")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new HeldBack([0, 0, 0x10, 0, 0, .. new byte[HeldBytes]]) { Headers = { ContentType = new("application/grpc") } },
        };
        if (key is not null)
        {
            request.Headers.Add("x-api-key", key);
        }
        try
        {
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, over);
            await Task.Delay(Hold, over);
        }
        catch (OperationCanceledException)
        {
            // It has held for long enough, as those do that are never answered.
        }
    }

    private static async Task<Socket> ConnectAsync(Uri address, CancellationToken over)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address.Host, address.Port, over);
        return socket;
    }

    /// <summary>A body whose rest never comes.</summary>
    private sealed class HeldBack(byte[] beginning) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(
            Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await stream.WriteAsync(beginning, cancellationToken);
            await stream.FlushAsync(cancellationToken);
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
