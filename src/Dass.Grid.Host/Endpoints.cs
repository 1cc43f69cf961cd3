using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Dass.Grid.Host;

/// <summary>Two ports: gRPC for clients, HTTP/1 for those who run the grid.</summary>
internal static class Endpoints
{
    public static void UseGridEndpoints(this WebApplicationBuilder builder, GridOptions grid) => builder.WebHost.ConfigureKestrel(kestrel =>
    {
        kestrel.AddServerHeader = false;

        // A client whose network has gone says nothing: a ping without an answer ends its calls.
        kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(20);
        kestrel.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(20);
        if (grid.Role != GridRole.Silo)
        {
            kestrel.Listen(GridOptions.Endpoint(grid.Listen)!, listen => listen.Protocols = HttpProtocols.Http2);
        }
        kestrel.Listen(GridOptions.Endpoint(grid.OperationsListen)!, listen => listen.Protocols = HttpProtocols.Http1);
    });

    public static void MapGridOperations(this WebApplication app) =>
        app.UseWhen(http => HttpProtocol.IsHttp11(http.Request.Protocol), operations =>
        {
            operations.UseHealthChecks("/healthz/live", new HealthCheckOptions { Predicate = _ => false });
            operations.UseHealthChecks("/healthz/ready");
            operations.UseOpenTelemetryPrometheusScrapingEndpoint("/metrics");
        });
}
