using System.Diagnostics.Metrics;

namespace Dass.Grid.Grains;

/// <summary>Measurements of a silo's streams.</summary>
public sealed class GrainsInstruments
{
    private static readonly InstrumentAdvice<double> StepSeconds = new()
    {
        HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    };

    private readonly UpDownCounter<long> _live;
    private readonly Counter<long> _ended;
    private readonly Counter<double> _audio;
    private readonly Counter<long> _chunks;
    private readonly Counter<long> _events;
    private readonly Counter<long> _observersExpired;
    private readonly Counter<long> _checkpoints;
    private readonly Histogram<double> _checkpointDuration;
    private readonly Counter<long> _recovered;
    private readonly Histogram<double> _push;

    public GrainsInstruments(IMeterFactory meters)
    {
        var meter = meters.Create(TelemetryNames.Grains);
        _live = meter.CreateUpDownCounter<long>("dass.streams.live", "{stream}", "Streams that hold a slot.");
        _ended = meter.CreateCounter<long>("dass.streams.ended", "{stream}", "Streams that have ended, by reason.");
        _audio = meter.CreateCounter<double>("dass.audio", "s", "Audio that streams have taken in.");
        _chunks = meter.CreateCounter<long>("dass.chunks", "{chunk}", "Chunks that have been tagged.");
        _events = meter.CreateCounter<long>(
            "dass.events", "{event}", "Events, by result: closed (by a stream), kept (in the store), lost (beyond what is kept).");
        _observersExpired = meter.CreateCounter<long>("dass.observers.expired", "{observer}", "Observers that did not renew their lease.");
        _checkpoints = meter.CreateCounter<long>(
            "dass.checkpoints", "{checkpoint}", "Checkpoints, by result: written, failed, fenced (another silo owns the stream).");
        _checkpointDuration = meter.CreateHistogram<double>(
            "dass.checkpoint.duration", "s", "Time that the store took for a checkpoint.",
            advice: StepSeconds);
        _recovered = meter.CreateCounter<long>(
            "dass.streams.continued",
            "{stream}",
            "Streams that went on here, by how: moved (with their state), restored (from a checkpoint), cold (with a gap).");
        _push = meter.CreateHistogram<double>(
            "dass.push.duration", "s", "From a push in the grain to its tags.",
            advice: StepSeconds);
    }

    internal void OnBegun(string model) => _live.Add(1, Model(model));

    internal void OnEnded(string model, StreamEndReason reason) =>
        _ended.Add(1, Model(model), new(TelemetryNames.Reason, reason.ToString()));

    /// <summary>The stream holds its slot no longer: it has ended, moves, sleeps or was taken over.</summary>
    internal void OnLeft(string model) => _live.Add(-1, Model(model));

    internal void OnContinued(string model, string how)
    {
        _live.Add(1, Model(model));
        _recovered.Add(1, Model(model), new(TelemetryNames.How, how));
    }

    internal void OnCold(string model) => _recovered.Add(1, Model(model), new(TelemetryNames.How, "cold"));

    internal void OnCheckpoint(TimeSpan duration)
    {
        _checkpoints.Add(1, Result("written"));
        _checkpointDuration.Record(duration.TotalSeconds);
    }

    internal void OnCheckpointFailed() => _checkpoints.Add(1, Result("failed"));

    internal void OnFenced() => _checkpoints.Add(1, Result("fenced"));

    internal void OnPushed(string model, double audioSeconds, TimeSpan duration)
    {
        _audio.Add(audioSeconds, Model(model));
        _push.Record(duration.TotalSeconds, Model(model));
    }

    internal void OnTagged(string model, int chunks) => _chunks.Add(chunks, Model(model));

    internal void OnEventClosed() => _events.Add(1, Result("closed"));

    internal void OnEventsKept(int count) => _events.Add(count, Result("kept"));

    internal void OnEventsLost(int count) => _events.Add(count, Result("lost"));

    internal void OnObserversExpired(int count) => _observersExpired.Add(count);

    private static KeyValuePair<string, object?> Result(string name) => new(TelemetryNames.Result, name);

    private static KeyValuePair<string, object?> Model(string name) => new(TelemetryNames.Model, name);
}
