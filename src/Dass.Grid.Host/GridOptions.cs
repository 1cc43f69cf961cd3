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

/// <summary>How the processes of a grid find each other.</summary>
public enum ClusterKind
{
    /// <summary>Through the first process, on this machine. When that one is gone, the others stay but no new one can join.</summary>
    Local,
    Redis,
    Postgres,
}

/// <summary>Where the state of streams is kept.</summary>
public enum StoreKind
{
    /// <summary>In <see cref="GridOptions.StoreDirectory"/>; every process of the grid must see the same directory.</summary>
    File,
    Redis,
    Postgres,

    /// <summary>In the silos' memory: streams survive a move, and the failure of a silo only by luck.</summary>
    Memory,
}

/// <summary>Where a process listens and which grid it belongs to: the configuration section <c>Grid</c>.</summary>
public sealed class GridOptions
{
    /// <summary>Default: all.</summary>
    public GridRole Role { get; set; } = GridRole.All;

    /// <summary>Where gRPC answers: HTTP/2, with TLS when it is https. Port 0: a free one. Default: http://127.0.0.1:5230.</summary>
    public string Listen { get; set; } = "http://127.0.0.1:5230";

    /// <summary>
    /// Where clients without gRPC are answered: JSON, server-sent events and WebSockets over HTTP/1, with TLS when it is https. Port 0: a
    /// free one. Empty: nowhere. Default: null, which is two ports above a loopback <see cref="Listen"/>, http://127.0.0.1:5232, unless
    /// another program has that port; nowhere when <see cref="Listen"/> is not a loopback.
    /// </summary>
    public string? HttpListen { get; set; }

    /// <summary>PEM file of the certificate for https and what leads to its root. Read again when it changes. Default: null.</summary>
    public string? Certificate { get; set; }

    /// <summary>PEM file of the certificate's key, not encrypted. Default: null, in the file of the certificate.</summary>
    public string? CertificateKey { get; set; }

    /// <summary>
    /// PEM file of the authorities that sign clients' certificates: the common name of such a certificate names the tenant, and no key is
    /// needed. Certificates are not looked up in revocation lists; a disabled tenant is refused. Default: null, no client certificates are
    /// taken.
    /// </summary>
    public string? ClientAuthority { get; set; }

    /// <summary>Where /healthz/live, /healthz/ready and /metrics answer (HTTP/1). Default: http://127.0.0.1:5231.</summary>
    public string OperationsListen { get; set; } = "http://127.0.0.1:5231";

    /// <summary>
    /// Address at which the other silos of the grid reach this one. That port has no keys: anything but loopback needs
    /// <see cref="SiloCertificate"/> or a network of the grid's own. Default: 127.0.0.1.
    /// </summary>
    public string SiloAddress { get; set; } = "127.0.0.1";

    /// <summary>Port for the other silos of the grid. Default: 11111.</summary>
    public int SiloPort { get; set; } = 11111;

    /// <summary>
    /// PEM file of the certificate that this process shows the others of the grid, silos and gateways, and what leads to its root: for a
    /// server and a client, with any name. With it the silo port speaks TLS only, so all processes of a grid have one or none has. Read
    /// again when it changes. Default: null, no TLS.
    /// </summary>
    public string? SiloCertificate { get; set; }

    /// <summary>PEM file of that certificate's key, not encrypted. Default: null, in the file of the certificate.</summary>
    public string? SiloCertificateKey { get; set; }

    /// <summary>
    /// PEM file of the authorities that sign the certificates of the grid's processes: each certificate that they have signed may join, so
    /// they should sign for this grid alone. Read again when it changes. Default: null.
    /// </summary>
    public string? SiloAuthority { get; set; }

    /// <summary>Default: local.</summary>
    public ClusterKind Cluster { get; set; } = ClusterKind.Local;

    /// <summary>Grids of different names may share a Redis or a PostgreSQL. Default: dass-grid.</summary>
    public string Name { get; set; } = "dass-grid";

    /// <summary>Silo that the others find each other by when <see cref="Cluster"/> is local. Default: null, this process.</summary>
    public string? PrimarySilo { get; set; }

    /// <summary>Default: file.</summary>
    public StoreKind Store { get; set; } = StoreKind.File;

    /// <summary>Directory of the file store. Default: dass-grid/streams below the user's local application data.</summary>
    public string StoreDirectory { get; set; } =
        Path.Combine(
            Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
            "dass-grid",
            "streams");

    /// <summary>Redis, e.g. <c>redis:6379,password=…</c>. Default: null.</summary>
    public string? Redis { get; set; }

    /// <summary>
    /// PostgreSQL, e.g. <c>Host=db;Database=dass;Username=dass;Password=…</c>; its tables come from deploy/postgres/schema.sql. Default:
    /// null.
    /// </summary>
    public string? Postgres { get; set; }

    /// <summary>
    /// How often a silo looks whether its neighbours live; after two failures in a row a silo counts as dead. Default: 1 second.
    /// </summary>
    public TimeSpan ProbeInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Share of the chunks and calls whose traces are exported, 0 to 1, when OTEL_EXPORTER_OTLP_ENDPOINT is set. What is slow, failed or
    /// refused is exported in any case. Default: 0.01.
    /// </summary>
    public double TraceRatio { get; set; } = 0.01;

    /// <summary>Messages about events. Default: none.</summary>
    public NotifySettings Notify { get; set; } = new();

    /// <summary>Time that a stop may take: streams are put to sleep, calls are answered. Default: 30 seconds.</summary>
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>A URL of the form http://address:port or https://address:port; <c>localhost</c> is 127.0.0.1.</summary>
    internal static IPEndPoint? Endpoint(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.AbsolutePath == "/"
            ? uri.Host == "localhost" ? new IPEndPoint(IPAddress.Loopback, uri.Port)
            : IPAddress.TryParse(uri.Host.Trim('[', ']'), out var address) ? new IPEndPoint(address, uri.Port)
            : null
            : null;
}
