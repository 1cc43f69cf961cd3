using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Dass.Grid.Gateway;

/// <summary>Measurements and activities of a gateway.</summary>
internal sealed class GatewayInstruments
{
    public static readonly ActivitySource Activities = new(TelemetryNames.Gateway);

    private readonly UpDownCounter<long> _callsLive;
    private readonly Counter<long> _calls;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _audio;
    private readonly UpDownCounter<long> _subscribers;
    private readonly Counter<long> _dropped;
    private readonly Histogram<double> _recovery;
    private readonly Counter<long> _retainedFull;

    public GatewayInstruments(IMeterFactory meters)
    {
        var meter = meters.Create(TelemetryNames.Gateway);
        _callsLive = meter.CreateUpDownCounter<long>(
            "dass.gateway.calls.live", "{call}", "Calls that are being served, by protocol: grpc, web.");
        _calls = meter.CreateCounter<long>("dass.gateway.calls", "{call}", "Calls that have ended, by status.");
        _refused = meter.CreateCounter<long>(
            "dass.gateway.refusals", "{call}",
            "Calls and connections that have ended because a limit of their tenant or of the grid is reached, by limit.");
        _audio = meter.CreateCounter<long>("dass.gateway.audio", "By", "Audio that clients have sent.");
        _subscribers = meter.CreateUpDownCounter<long>("dass.gateway.subscribers", "{subscriber}", "Subscribers that listen now.");
        _dropped = meter.CreateCounter<long>("dass.gateway.chunks.dropped", "{chunk}", "Chunks of tags that slow subscribers have missed.");
        _recovery = meter.CreateHistogram<double>(
            "dass.gateway.recovery.duration", "s",
            "From a stream's interruption to its next audio, for calls whose stream was found again.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 12, 20, 30] });
        _retainedFull = meter.CreateCounter<long>(
            "dass.gateway.retained.full", "{wait}", "Waits of calls whose retained audio is full, because the store takes no checkpoints.");
    }

    public void OnCallBegun(string method, string protocol) =>
        _callsLive.Add(1, Tag(TelemetryNames.Method, method), Tag(TelemetryNames.Protocol, protocol));

    public void OnRefused(string limit) => _refused.Add(1, Tag(TelemetryNames.Limit, limit));

    public void OnCallEnded(string method, string protocol, Grpc.Core.StatusCode status)
    {
        _callsLive.Add(-1, Tag(TelemetryNames.Method, method), Tag(TelemetryNames.Protocol, protocol));
        _calls.Add(1, Tag(TelemetryNames.Method, method), Tag(TelemetryNames.Status, status.ToString()));
    }

    public void OnAudio(int bytes) => _audio.Add(bytes);

    public void OnSubscribed() => _subscribers.Add(1);

    public void OnUnsubscribed() => _subscribers.Add(-1);

    public void OnRecovered(TimeSpan duration) => _recovery.Record(duration.TotalSeconds);

    public void OnRetainedFull() => _retainedFull.Add(1);

    public void OnDropped(long chunks) => _dropped.Add(chunks);

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);
}
