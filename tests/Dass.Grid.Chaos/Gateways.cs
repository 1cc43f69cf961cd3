using System.Collections.Concurrent;
using Dass.Grid.V1;
using Grpc.Net.Client;

namespace Dass.Grid.Chaos;

/// <summary>The gateways of a grid as its clients find them, wherever each was started last. Safe for many threads.</summary>
internal sealed class Gateways(IReadOnlyList<GridProcess> processes) : IDisposable
{
    private readonly ConcurrentDictionary<Uri, GrpcChannel> _channels = new();

    /// <param name="which">Any number: clients go from one gateway to the next.</param>
    public Tagging.TaggingClient Grpc(int which) => new(_channels.GetOrAdd(Of(which).Address, address =>
        GrpcChannel.ForAddress(address, new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                EnableMultipleHttp2Connections = true,
                KeepAlivePingDelay = TimeSpan.FromSeconds(1),
                KeepAlivePingTimeout = TimeSpan.FromSeconds(1),
                KeepAlivePingPolicy = HttpKeepAlivePingPolicy.Always,
            },
        })));

    /// <param name="which">As for gRPC.</param>
    public Uri Http(int which) => Of(which).HttpAddress;

    public void Dispose()
    {
        foreach (var channel in _channels.Values)
        {
            channel.Dispose();
        }
    }

    private GridProcess Of(int which) => processes[which % processes.Count];
}
