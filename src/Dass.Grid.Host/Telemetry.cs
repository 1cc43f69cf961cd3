using Dass.Grid.Contracts;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Dass.Grid.Host;

/// <summary>Prometheus always; metrics, traces and logs by OTLP when OTEL_EXPORTER_OTLP_ENDPOINT is set.</summary>
internal static class Telemetry
{
    private const string OtlpEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    public static void AddGridTelemetry(this WebApplicationBuilder builder)
    {
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("dass-grid"))
            .WithMetrics(metrics => metrics
                .AddMeter(TelemetryNames.Engine, TelemetryNames.Grains, TelemetryNames.Gateway, "Microsoft.Orleans")
                .AddAspNetCoreInstrumentation()
                .AddRuntimeInstrumentation()
                .AddPrometheusExporter());
        if (!string.IsNullOrEmpty(builder.Configuration[OtlpEndpoint]))
        {
            telemetry
                .WithTracing(traces => traces
                    .AddSource(TelemetryNames.Engine, TelemetryNames.Grains, TelemetryNames.Gateway, "Microsoft.Orleans.Application")
                    .AddAspNetCoreInstrumentation())
                .WithLogging()
                .UseOtlpExporter();
        }
    }
}
