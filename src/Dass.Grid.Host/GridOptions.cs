using System.Net;

namespace Dass.Grid.Host;

/// <summary>What a process is to the grid.</summary>
public enum GridRole
{
    /// <summary>Silo and gateway in one process.</summary>
    All,

    /// <summary>Runs models and owns streams; takes no calls from clients.</summary>
    Silo,

    /// <summary>Takes calls from clients; runs no models.</summary>
    Gateway,
}

/// <summary>Where a process listens and which grid it belongs to: the configuration section <c>Grid</c>.</summary>
public sealed class GridOptions
{
    /// <summary>Default: all.</summary>
    public GridRole Role { get; set; } = GridRole.All;

    /// <summary>Where gRPC answers (HTTP/2 without TLS). Port 0: a free one. Default: http://127.0.0.1:5230.</summary>
    public string Listen { get; set; } = "http://127.0.0.1:5230";

    /// <summary>Where /healthz/live, /healthz/ready and /metrics answer (HTTP/1). Default: http://127.0.0.1:5231.</summary>
    public string OperationsListen { get; set; } = "http://127.0.0.1:5231";

    /// <summary>Port for the other silos of the grid, on loopback. Default: 11111.</summary>
    public int SiloPort { get; set; } = 11111;

    /// <summary>Silo that the others find each other by, on this machine. Default: null, this process.</summary>
    public string? PrimarySilo { get; set; }

    /// <summary>Time that a stop may take: streams are told, calls are answered. Default: 30 seconds.</summary>
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>A URL of the form http://address:port; <c>localhost</c> is 127.0.0.1.</summary>
    internal static IPEndPoint? Endpoint(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Scheme == Uri.UriSchemeHttp && uri.AbsolutePath == "/"
            ? uri.Host == "localhost" ? new IPEndPoint(IPAddress.Loopback, uri.Port)
            : IPAddress.TryParse(uri.Host.Trim('[', ']'), out var address) ? new IPEndPoint(address, uri.Port)
            : null
            : null;
}
