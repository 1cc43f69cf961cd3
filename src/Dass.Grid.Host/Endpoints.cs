using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Dass.Grid.Gateway;
using Dass.Grid.Gateway.Hosting;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Host;

/// <summary>Three ports: gRPC for clients, HTTP/1 for clients without gRPC, and HTTP/1 for those who run the grid.</summary>
internal static class Endpoints
{
    /// <summary>The one check that a restart of the process may mend.</summary>
    public const string DeviceCheck = "device";

    private static readonly object Operations = new();

    public static void UseGridEndpoints(this WebApplicationBuilder builder, GridOptions grid) => builder.WebHost.ConfigureKestrel(kestrel =>
    {
        kestrel.AddServerHeader = false;

        // A client whose network has gone sends nothing: a ping without an answer ends its calls.
        kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(10);
        kestrel.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(15);
        if (grid.Role != GridRole.Silo)
        {
            // By default the calls of a connection share a window hardly larger than that of one call: two that are not read would stop
            // them all.
            var unread = kestrel.ApplicationServices.GetRequiredService<IOptions<GatewayOptions>>().Value.UnreadBytes;
            kestrel.Limits.Http2.InitialStreamWindowSize = unread;
            kestrel.Limits.Http2.InitialConnectionWindowSize = unread * kestrel.Limits.Http2.MaxStreamsPerConnection;
            var files = grid.Certificate is null ? null : new CertificateFiles(
                "Grid:Certificate", grid.Certificate, grid.CertificateKey, grid.ClientAuthority, TimeProvider.System,
                kestrel.ApplicationServices.GetRequiredService<ILogger<CertificateFiles>>());
            kestrel.ListenForClients(grid.Listen, HttpProtocols.Http2, files);
            if (grid.HttpListen is { Length: > 0 } http)
            {
                kestrel.ListenForClients(http, HttpProtocols.Http1, files);
            }
        }
        kestrel.Listen(GridOptions.Endpoint(grid.OperationsListen)!, listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Use(next => connection =>
            {
                connection.Items[Operations] = true;
                return next(connection);
            });
        });
    });

    /// <summary>Where clients without gRPC are answered when no setting says it. Null: nowhere.</summary>
    public static string? DefaultHttp(GridOptions grid)
    {
        const int apart = 2;
        if (grid.Role == GridRole.Silo || grid.Certificate is not null
            || GridOptions.Endpoint(grid.Listen) is not { Port: > 0 and < IPEndPoint.MaxPort - apart } listen
            || !IPAddress.IsLoopback(listen.Address))
        {
            return null;
        }
        var free = new IPEndPoint(listen.Address, listen.Port + apart);
        try
        {
            using var probe = new TcpListener(free);
            probe.Start();
            return $"http://{free}";
        }
        catch (SocketException)
        {
            return null; // another program's
        }
    }

    /// <summary>What comes by the operations port is answered there and nowhere else, and nothing of it elsewhere.</summary>
    public static void MapGridOperations(this WebApplication app) =>
        app.MapWhen(IsOperation, operations =>
        {
            operations.UseHealthChecks("/healthz/live", new HealthCheckOptions { Predicate = check => check.Name == DeviceCheck });
            operations.UseHealthChecks("/healthz/ready");
            operations.UseOpenTelemetryPrometheusScrapingEndpoint("/metrics");
            operations.Run(http =>
            {
                http.Response.StatusCode = StatusCodes.Status404NotFound;
                return Task.CompletedTask;
            });
        });

    /// <summary>Whether a request came by the operations' port.</summary>
    public static bool IsOperation(HttpContext http) => http.Features.Get<IConnectionItemsFeature>()?.Items.ContainsKey(Operations) == true;

    private static void ListenForClients(this KestrelServerOptions kestrel, string url, HttpProtocols protocols, CertificateFiles? files) =>
        kestrel.Listen(GridOptions.Endpoint(url)!, listen =>
        {
            listen.Protocols = protocols;
            listen.LimitDassConnections();
            if (files is not null)
            {
                listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(Handshake(files.Current)) });
            }
        });

    private static SslServerAuthenticationOptions Handshake(TlsCertificate certificate) => new()
    {
        ServerCertificateContext = certificate.Own,
        ClientCertificateRequired = certificate.Authorities.Count > 0,
        CertificateChainPolicy = certificate.Authorities.Count > 0 ? certificate.Policy(TlsCertificate.Client) : null,
        RemoteCertificateValidationCallback = certificate.Authorities.Count == 0
            ? null
            : (_, client, _, errors) => client is null || errors == SslPolicyErrors.None,
    };
}
