using System.Diagnostics.Metrics;
using Dass.Grid.Grains.Models;
using Dass.Grid.Grains.Streams;

namespace Dass.Grid.Grains;

/// <summary>Measurements of a silo's streams.</summary>
public sealed class GrainsInstruments
{
    private readonly UpDownCounter<long> _live;
    private readonly Counter<long> _ended;
    private readonly Counter<double> _audio;
    private readonly Counter<long> _chunks;
    private readonly Counter<long> _observersExpired;
    private readonly Histogram<double> _push;

    public GrainsInstruments(IMeterFactory meters)
    {
        var meter = meters.Create(TelemetryNames.Grains);
        _live = meter.CreateUpDownCounter<long>("dass.streams.live", "{stream}", "Streams that hold a slot.");
        _ended = meter.CreateCounter<long>("dass.streams.ended", "{stream}", "Streams that have ended, by reason.");
        _audio = meter.CreateCounter<double>("dass.audio", "s", "Audio that streams have taken in.");
        _chunks = meter.CreateCounter<long>("dass.chunks", "{chunk}", "Chunks that have been tagged.");
        _observersExpired = meter.CreateCounter<long>("dass.observers.expired", "{observer}", "Observers that did not renew their lease.");
        _push = meter.CreateHistogram<double>(
            "dass.push.duration", "s", "From a push in the grain to its tags.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] });
    }

    internal void OnBegun(string model) => _live.Add(1, Model(model));

    internal void OnEnded(string model, StreamEndReason reason)
    {
        _live.Add(-1, Model(model));
        _ended.Add(1, Model(model), new(TelemetryNames.Reason, reason.ToString()));
    }

    internal void OnPushed(LiveStream stream, int bytes, TimeSpan duration)
    {
        _audio.Add((double)bytes / stream.Shape.BytesPerFrame / stream.Shape.Format.SampleRateHz, Model(stream.Model.Name));
        _push.Record(duration.TotalSeconds, Model(stream.Model.Name));
    }

    internal void OnTagged(string model, int chunks) => _chunks.Add(chunks, Model(model));

    internal void OnObserversExpired(int count) => _observersExpired.Add(count);

    private static KeyValuePair<string, object?> Model(string name) => new(TelemetryNames.Model, name);
}
