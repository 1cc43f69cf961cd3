using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;
using Dass.Grid.V1;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;

namespace Dass.Grid.Client;

/// <summary>A grid to talk to. Safe for many threads; one is enough for any number of streams.</summary>
/// <remarks><see cref="StreamFeed"/> and <see cref="StreamSubscription"/> survive broken connections; calls of <see cref="Tagging"/> and
/// <see cref="Admin"/> do not.</remarks>
public sealed class GridClient : IDisposable
{
    /// <summary>Name of the activity source: one activity for each call that feeds a stream.</summary>
    public const string ActivitySourceName = "Dass.Grid.Client";

    internal static readonly ActivitySource Activities = new(ActivitySourceName);

    private readonly GrpcChannel _channel;

    /// <param name="address">Where gRPC answers, http or https.</param>
    /// <param name="key">The tenant's API key, or a token; null: none, as for a grid on this machine.</param>
    /// <param name="certificate">The tenant's client certificate, with its key; null: none.</param>
    public GridClient(Uri address, string? key = null, X509Certificate2? certificate = null)
        : this(address, key, certificate, KeepAlivePings.Default)
    {
    }

    /// <summary>With pings of one's own.</summary>
    internal GridClient(Uri address, string? key, X509Certificate2? certificate, KeepAlivePings pings)
    {
        var handler = new SocketsHttpHandler
        {
            EnableMultipleHttp2Connections = true, // each takes about a hundred calls
            ConnectTimeout = TimeSpan.FromSeconds(15),
            KeepAlivePingDelay = pings.Delay,
            KeepAlivePingTimeout = pings.Timeout,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            UseProxy = !address.IsLoopback,
        };
        if (certificate is not null)
        {
            handler.SslOptions.ClientCertificates = [certificate];
        }
        _channel = GrpcChannel.ForAddress(address, new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
        var calls = string.IsNullOrEmpty(key) ? _channel.CreateCallInvoker() : _channel.Intercept(headers =>
        {
            headers.Add("authorization", $"Bearer {key}");
            return headers;
        });
        (Tagging, Admin) = (new Tagging.TaggingClient(calls), new Admin.AdminClient(calls));
    }

    /// <summary>The environment variable by which a connection goes through a proxy. Null: by none, as to loopback always.</summary>
    public static string? ProxyVariable(Uri address)
    {
        if (address.IsLoopback || HttpClient.DefaultProxy.IsBypassed(address))
        {
            return null;
        }
        string[] names = address.Scheme == "https"
            ? ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
            : ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
        return Array.Find(names, name => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(name)));
    }

    /// <summary>All that a tenant may ask.</summary>
    public Tagging.TaggingClient Tagging { get; }

    /// <summary>All that an administrator may ask.</summary>
    public Admin.AdminClient Admin { get; }

    public void Dispose() => _channel.Dispose();
}
