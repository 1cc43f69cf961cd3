using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using Dass.Grid.V1;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway;

/// <summary>Measurements and activities of a gateway. Counters begin at 0 for every value that their tags can have.</summary>
internal sealed partial class GatewayInstruments : IHostedService
{
    public static readonly ActivitySource Activities = new(TelemetryNames.Gateway);

    /// <summary>The built-in model misses much of what is quieter.</summary>
    private const float QuietDbfs = -50;

    /// <summary>Values of <c>dass.level</c>.</summary>
    private static readonly string[] Levels = ["silent", "quiet", "normal", "clipped", "lost"];

    /// <summary>Values of <c>dass.limit</c>.</summary>
    private static readonly string[] Limits =
    [
        "audio_seconds_per_second", "connections", "device_time", "keyless_calls", "live_streams", "message_bytes",
        "new_streams_per_minute", "slots", "subscriber_speed", "subscribers", "subscription_streams", "unauthenticated_connections",
        "other",
    ];

    private readonly UpDownCounter<long> _callsLive;
    private readonly Counter<long> _calls;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _audio;
    private readonly Histogram<double> _delay;
    private readonly Counter<double> _levels;
    private readonly UpDownCounter<long> _subscribers;
    private readonly Counter<long> _dropped;
    private readonly Histogram<double> _recovery;
    private readonly Counter<double> _replayed;
    private readonly Counter<long> _retainedFull;
    private readonly UpDownCounter<long> _retained;
    private readonly ConcurrentDictionary<string, string> _methods = new(StringComparer.Ordinal);

    public GatewayInstruments(IMeterFactory meters, IOptions<GatewayOptions> options)
    {
        Tenants = new TenantLabels(options.Value.MetricTenants);
        var meter = meters.Create(TelemetryNames.Gateway);
        _callsLive = meter.CreateUpDownCounter<long>(
            "dass.gateway.calls.live", "{call}", "Calls that are being served, by protocol: grpc, web.");
        _calls = meter.CreateCounter<long>("dass.gateway.calls", "{call}", "Calls that have ended, by status.");
        _refused = meter.CreateCounter<long>(
            "dass.gateway.refusals", "{call}",
            "Calls and connections that have ended because a limit of their tenant or of the grid is reached, by limit.");
        _audio = meter.CreateCounter<long>("dass.gateway.audio", "By", "Audio that clients have sent.");
        _delay = meter.CreateHistogram<double>(
            "dass.tags.delay", "s",
            "From the arrival of a chunk's last needed sample to the write of its tags; dass.pace: whether its audio came in real time.",
            advice: new InstrumentAdvice<double>
            {
                HistogramBucketBoundaries = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.4, 0.6, 1, 1.5, 2.5, 5, 10, 30],
            });
        _levels = meter.CreateCounter<double>(
            "dass.source.audio", "s",
            "Audio by its level: silent (below -70 dBFS), quiet (below -50 dBFS), normal, clipped (1 % of the samples or more), lost.");
        _subscribers = meter.CreateUpDownCounter<long>("dass.gateway.subscribers", "{subscriber}", "Subscribers that listen now.");
        _dropped = meter.CreateCounter<long>("dass.gateway.chunks.dropped", "{chunk}", "Chunks of tags that slow subscribers have missed.");
        _recovery = meter.CreateHistogram<double>(
            "dass.gateway.recovery.duration", "s",
            "From a stream's interruption to its next audio, for calls whose stream was found again.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 12, 20, 30] });
        _replayed = meter.CreateCounter<double>(
            "dass.gateway.replayed", "s", "Audio that was sent again, because a stream came back from before it.");
        _retainedFull = meter.CreateCounter<long>(
            "dass.gateway.retained.full", "{wait}", "Waits of calls whose retained audio is full, because the store takes no checkpoints.");
        _retained = meter.CreateUpDownCounter<long>(
            "dass.gateway.retained", "By", "Audio that calls retain, because their streams could still lose it.");
        meter.CreateObservableGauge(
            "dass.gateway.subscriber.depth", () => SubscriberDepth(), "{chunk}", "Chunks that wait for the slowest subscriber.");
    }

    /// <summary>Which tenants have series of their own.</summary>
    public TenantLabels Tenants { get; }

    /// <summary>Chunks that wait for the slowest subscriber of this gateway.</summary>
    public Func<int> SubscriberDepth { private get; set; } = () => 0;

    /// <summary>What has not happened is 0, from when the process's listeners are there.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        Array.ForEach(Limits, limit => _refused.Add(0, Tag(TelemetryNames.Limit, limit)));
        _audio.Add(0);
        _dropped.Add(0);
        _replayed.Add(0);
        _retainedFull.Add(0);
        _retained.Add(0);
        _subscribers.Add(0);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void OnCallBegun(string method, string protocol) =>
        _callsLive.Add(1, Method(method), Tag(TelemetryNames.Protocol, protocol));

    public void OnRefused(string limit) => _refused.Add(1, Tag(TelemetryNames.Limit, limit));

    public void OnCallEnded(string method, string protocol, Grpc.Core.StatusCode status)
    {
        _callsLive.Add(-1, Method(method), Tag(TelemetryNames.Protocol, protocol));
        _calls.Add(1, Method(method), Tag(TelemetryNames.Status, WordEnd().Replace(status.ToString(), "_").ToUpperInvariant()));
    }

    public void OnAudio(int bytes) => _audio.Add(bytes);

    /// <param name="tenant">One of <see cref="Tenants"/>' names.</param>
    /// <param name="model">Of the stream.</param>
    /// <param name="catchesUp">The stream's audio comes faster than real time.</param>
    /// <param name="delay">From the arrival of the chunk's last needed sample to the write of its tags.</param>
    public void OnTagsWritten(string tenant, string model, bool catchesUp, TimeSpan delay) => _delay.Record(
        delay.TotalSeconds,
        Tag(TelemetryNames.Tenant, tenant),
        Tag(TelemetryNames.Model, model),
        Tag(TelemetryNames.Pace, catchesUp ? TelemetryNames.CatchUp : TelemetryNames.Live));

    /// <summary>A call feeds a stream of this tenant: what none of its streams had yet is 0.</summary>
    public void OnFed(string tenant)
    {
        foreach (var level in Levels)
        {
            _levels.Add(0, Tag(TelemetryNames.Tenant, Tenants.For(tenant)), Tag(TelemetryNames.Level, level));
        }
    }

    /// <param name="tenant">One of <see cref="Tenants"/>' names.</param>
    /// <param name="level">Of a chunk; null: all of it was lost.</param>
    /// <param name="seconds">Its length.</param>
    public void OnLevel(string tenant, StreamLevel? level, double seconds)
    {
        var name = level switch
        {
            null => "lost",
            { ClippedShare: >= Contracts.SourceRule.DefaultClippedShare } => "clipped",
            { RmsDbfs: < Contracts.SourceRule.DefaultSilentBelowDbfs } => "silent",
            { RmsDbfs: < QuietDbfs } => "quiet",
            _ => "normal",
        };
        _levels.Add(seconds, Tag(TelemetryNames.Tenant, tenant), Tag(TelemetryNames.Level, name));
    }

    public void OnSubscribed() => _subscribers.Add(1);

    public void OnUnsubscribed() => _subscribers.Add(-1);

    public void OnRecovered(TimeSpan duration) => _recovery.Record(duration.TotalSeconds);

    public void OnReplayed(double seconds) => _replayed.Add(seconds);

    public void OnRetained(long bytes) => _retained.Add(bytes);

    public void OnRetainedFull() => _retainedFull.Add(1);

    public void OnDropped(long chunks) => _dropped.Add(chunks);

    /// <summary>With its service, as OpenTelemetry's conventions for RPC have it.</summary>
    private KeyValuePair<string, object?> Method(string method) => new(
        TelemetryNames.Method,
        _methods.GetOrAdd(method, static name =>
        {
            var service = Tagging.Descriptor.FindMethodByName(name) is not null ? Tagging.Descriptor.FullName
                : V1.Admin.Descriptor.FindMethodByName(name) is not null ? V1.Admin.Descriptor.FullName
                : null;
            return service is null ? "_OTHER" : $"{service}/{name}";
        }));

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);

    [GeneratedRegex("(?<=[a-z])(?=[A-Z])")]
    private static partial Regex WordEnd();
}
