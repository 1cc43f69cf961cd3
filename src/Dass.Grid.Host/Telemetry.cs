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
    private const int OthersSeries = 400; // e.g. of requests: by path, method and answer; the room is taken at the start, 72 bytes each

    private const string OtlpEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    public static void AddGridTelemetry(this WebApplicationBuilder builder, GridOptions grid)
    {
        builder.Services.AddSingleton(services => new HostInstruments(
            services.GetRequiredService<IMeterFactory>(), services.GetRequiredService<ISiloStatusOracle>(), grid));
        builder.Services.ConfigureOpenTelemetryMeterProvider((services, metrics) =>
        {
            var mine = services.GetRequiredService<IMeterFactory>();
            metrics.AddView(instrument => View(instrument, mine));
        });
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource
                .AddService("dass-grid", grid.Name, HostInstruments.Version, autoGenerateServiceInstanceId: false, Instance(grid))
                .AddEnvironmentVariableDetector()) // last, so that OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win
            .WithMetrics(metrics => metrics
                .AddMeter(TelemetryNames.Engine, TelemetryNames.Grains, TelemetryNames.Gateway, HostInstruments.Name, "Microsoft.Orleans")
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

    /// <summary>Which instruments are kept, and how many series each may have.</summary>
    private static MetricStreamConfiguration? View(Instrument instrument, IMeterFactory mine)
    {
        // A meter listener hears the whole process: other hosts in it, as in tests, have scopes of their own.
        if (instrument.Meter.Scope is { } scope ? scope != mine : IsGrid(instrument.Meter))
        {
            return MetricStreamConfiguration.Drop;
        }
        return instrument.Name switch
        {
            "orleans-messaging-sent-messages-size" or "orleans-messaging-received-messages-size" => // 432 series that answer nothing
                MetricStreamConfiguration.Drop,
            _ when IsGrid(instrument.Meter) => null,
            _ => new MetricStreamConfiguration { CardinalityLimit = OthersSeries },
        };
    }

    private static bool IsGrid(Meter meter) => meter.Name is TelemetryNames.Engine or TelemetryNames.Grains or TelemetryNames.Gateway
        or HostInstruments.Name;

    private static string Instance(GridOptions grid) =>
        FormattableString.Invariant($"{grid.Role.ToString().ToLowerInvariant()}-{grid.SiloAddress}:{grid.SiloPort}");
}
