using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Dass.Grid.Gateway;

/// <summary>Measurements and activities of a gateway.</summary>
internal sealed class GatewayInstruments
{
    public static readonly ActivitySource Activities = new(TelemetryNames.Gateway);

    private readonly UpDownCounter<long> _callsLive;
    private readonly Counter<long> _calls;
    private readonly Counter<long> _audio;
    private readonly UpDownCounter<long> _subscribers;
    private readonly Counter<long> _dropped;

    public GatewayInstruments(IMeterFactory meters)
    {
        var meter = meters.Create(TelemetryNames.Gateway);
        _callsLive = meter.CreateUpDownCounter<long>("dass.gateway.calls.live", "{call}", "Calls that are being served.");
        _calls = meter.CreateCounter<long>("dass.gateway.calls", "{call}", "Calls that have ended, by status.");
        _audio = meter.CreateCounter<long>("dass.gateway.audio", "By", "Audio that clients have sent.");
        _subscribers = meter.CreateUpDownCounter<long>("dass.gateway.subscribers", "{subscriber}", "Subscribers that listen now.");
        _dropped = meter.CreateCounter<long>("dass.gateway.chunks.dropped", "{chunk}", "Chunks of tags that slow subscribers have missed.");
    }

    public void OnCallBegun(string method) => _callsLive.Add(1, Tag(TelemetryNames.Method, method));

    public void OnCallEnded(string method, Grpc.Core.StatusCode status)
    {
        _callsLive.Add(-1, Tag(TelemetryNames.Method, method));
        _calls.Add(1, Tag(TelemetryNames.Method, method), Tag(TelemetryNames.Status, status.ToString()));
    }

    public void OnAudio(int bytes) => _audio.Add(bytes);

    public void OnSubscribed() => _subscribers.Add(1);

    public void OnUnsubscribed() => _subscribers.Add(-1);

    public void OnDropped(long chunks) => _dropped.Add(chunks);

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);
}
