using System.Diagnostics.Metrics;
using Dass.Grid.Contracts;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Dass.Grid.Host;

/// <summary>
/// Prometheus always; metrics, traces and logs by OTLP when OTEL_EXPORTER_OTLP_ENDPOINT is set. deploy/TELEMETRY.md lists all instruments.
/// </summary>
internal static class Telemetry
{
    private const string OtlpEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    public static void AddGridTelemetry(this WebApplicationBuilder builder, GridOptions grid)
    {
        builder.Services.AddSingleton(services => new HostInstruments(
            services.GetRequiredService<IMeterFactory>(), services.GetRequiredService<ISiloStatusOracle>(), grid));
        builder.Services.ConfigureOpenTelemetryMeterProvider((services, metrics) =>
        {
            // A meter listener hears the whole process: other hosts in it, as in tests, have scopes of their own.
            var mine = services.GetRequiredService<IMeterFactory>();
            metrics.AddView(
                instrument => IsGrid(instrument.Meter) && instrument.Meter.Scope != mine ? MetricStreamConfiguration.Drop : null);
        });
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource
                .AddService("dass-grid", grid.Name, HostInstruments.Version, autoGenerateServiceInstanceId: false, Instance(grid))
                .AddEnvironmentVariableDetector()) // last, so that OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win
            .WithMetrics(metrics => metrics
                .AddMeter(TelemetryNames.Engine, TelemetryNames.Grains, TelemetryNames.Gateway, HostInstruments.Name, "Microsoft.Orleans")
                .AddView("orleans-messaging-sent-messages-size", MetricStreamConfiguration.Drop) // 432 series that answer nothing
                .AddView("orleans-messaging-received-messages-size", MetricStreamConfiguration.Drop)
                .AddAspNetCoreInstrumentation()
                .AddRuntimeInstrumentation()
                .AddPrometheusExporter());
        if (!string.IsNullOrEmpty(builder.Configuration[OtlpEndpoint]))
        {
            telemetry
                .WithTracing(traces => AddTraces(traces, grid))
                .WithLogging(null, logs => (logs.IncludeFormattedMessage, logs.IncludeScopes) = (true, true))
                .UseOtlpExporter();
        }
    }

    /// <summary>One trace for each chunk, and one for each call that has an end.</summary>
    internal static void AddTraces(TracerProviderBuilder traces, GridOptions grid) => traces
        .AddSource(TelemetryNames.Engine, TelemetryNames.Grains, TelemetryNames.Gateway)
        .AddSource("Microsoft.Orleans.Application")
        .AddAspNetCoreInstrumentation(requests => requests.Filter = http => !Endpoints.IsOperation(http))
        .SetSampler(new GridSampler(grid.TraceRatio));

    private static bool IsGrid(Meter meter) => meter.Name is TelemetryNames.Engine or TelemetryNames.Grains or TelemetryNames.Gateway
        or HostInstruments.Name;

    private static string Instance(GridOptions grid) =>
        FormattableString.Invariant($"{grid.Role.ToString().ToLowerInvariant()}-{grid.SiloAddress}:{grid.SiloPort}");
}
