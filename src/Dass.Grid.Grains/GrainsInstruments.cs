using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Dass.Grid.Grains;

/// <summary>Measurements of a silo's streams, and its activities. Counters begin at 0 for every value that their tags can have.</summary>
public sealed class GrainsInstruments
{
    public static readonly ActivitySource Activities = new(TelemetryNames.Grains);

    private static readonly InstrumentAdvice<double> StepSeconds = new()
    {
        HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    };

    private readonly UpDownCounter<long> _live;
    private readonly Counter<long> _ended;
    private readonly Counter<double> _audio;
    private readonly Counter<double> _lost;
    private readonly Counter<double> _gap;
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
        _ended = meter.CreateCounter<long>(
            "dass.streams.ended", "{stream}", "Streams that have ended, by reason: finished, closed, idle, lost.");
        _audio = meter.CreateCounter<double>("dass.audio", "s", "Audio that streams have taken in.");
        _lost = meter.CreateCounter<double>("dass.audio.lost", "s", "Audio that clients had lost and that silence was heard for.");
        _gap = meter.CreateCounter<double>(
            "dass.audio.gap", "s",
            "Audio that streams have skipped with a gap, by cause: checkpoint (none could be used), feeder (it no longer kept the audio), "
                + "model (it could not go on with the state of the one before).");
        _chunks = meter.CreateCounter<long>("dass.chunks", "{chunk}", "Chunks that have been tagged.");
        _events = meter.CreateCounter<long>(
            "dass.events", "{event}", "Events, by result: closed (by a stream), kept (in the store), lost (beyond what is kept).");
        _observersExpired = meter.CreateCounter<long>("dass.observers.expired", "{observer}", "Observers that did not renew their lease.");
        _checkpoints = meter.CreateCounter<long>(
            "dass.checkpoints", "{checkpoint}", "Checkpoints, by result: written, failed, fenced (another silo owns the stream).");
        _checkpointDuration = meter.CreateHistogram<double>(
            "dass.checkpoint.duration", "s", "Time of an attempt to write a checkpoint, by result: written, failed.",
            advice: StepSeconds);
        _recovered = meter.CreateCounter<long>(
            "dass.streams.continued",
            "{stream}",
            "Streams that went on here, by how: moved (with their state), restored (from a checkpoint), switched (to another model), "
                + "cold (with a gap).");
        _push = meter.CreateHistogram<double>(
            "dass.push.duration", "s", "From a push in the grain to its tags, of pushes that complete a chunk.",
            advice: StepSeconds);
        meter.CreateObservableGauge<double>(
            "dass.checkpoint.age",
            () =>
            {
                var (p99, max) = Gauges.UnsavedSeconds();
                return [new(p99, Tag(TelemetryNames.Quantile, "0.99")), new(max, Tag(TelemetryNames.Quantile, "1"))];
            },
            "s", "How long the oldest audio that a crash would need again has been here: 99th percentile and maximum over live streams.");
        meter.CreateObservableUpDownCounter(
            "dass.events.owed", () => Gauges.OwedEvents, "{event}", "Closed events that wait for the store.");
    }

    /// <summary>Of this silo's activations.</summary>
    public StreamGauges Gauges { get; } = new();

    /// <summary>This silo serves a model from now on.</summary>
    internal void OnServed(string model)
    {
        _live.Add(0, Model(model));
        _audio.Add(0, Model(model));
        _lost.Add(0, Model(model));
        _chunks.Add(0, Model(model));
        foreach (var reason in Enum.GetValues<StreamEndReason>())
        {
            _ended.Add(0, Model(model), Reason(reason));
        }
        foreach (var how in (string[])["moved", "restored", "switched", "cold"])
        {
            _recovered.Add(0, Model(model), Tag(TelemetryNames.How, how));
        }
        foreach (var result in (string[])["closed", "kept", "lost"])
        {
            _events.Add(0, Result(result));
        }
        foreach (var result in (string[])["written", "failed", "fenced"])
        {
            _checkpoints.Add(0, Result(result));
        }
        _observersExpired.Add(0);
        foreach (var cause in (string[])["checkpoint", "feeder", "model"])
        {
            _gap.Add(0, Model(model), Tag(TelemetryNames.Reason, cause));
        }
    }

    internal void OnBegun(string model) => _live.Add(1, Model(model));

    internal void OnEnded(string model, StreamEndReason reason) => _ended.Add(1, Model(model), Reason(reason));

    /// <summary>The stream holds its slot no longer: it has ended, moves, sleeps or was taken over.</summary>
    internal void OnLeft(string model) => _live.Add(-1, Model(model));

    internal void OnContinued(string model, string how)
    {
        _live.Add(1, Model(model));
        _recovered.Add(1, Model(model), Tag(TelemetryNames.How, how));
    }

    /// <param name="model">Of the stream.</param>
    /// <param name="cause">checkpoint, feeder or model.</param>
    /// <param name="seconds">Of audio that is skipped.</param>
    internal void OnCold(string model, string cause, double seconds)
    {
        _recovered.Add(1, Model(model), Tag(TelemetryNames.How, "cold"));
        _gap.Add(seconds, Model(model), Tag(TelemetryNames.Reason, cause));
    }

    internal void OnCheckpoint(TimeSpan duration)
    {
        _checkpoints.Add(1, Result("written"));
        _checkpointDuration.Record(duration.TotalSeconds, Result("written"));
    }

    internal void OnCheckpointFailed(TimeSpan duration)
    {
        _checkpoints.Add(1, Result("failed"));
        _checkpointDuration.Record(duration.TotalSeconds, Result("failed"));
    }

    internal void OnFenced() => _checkpoints.Add(1, Result("fenced"));

    internal void OnPushed(string model, double audioSeconds, double lostSeconds)
    {
        _audio.Add(audioSeconds, Model(model));
        if (lostSeconds > 0)
        {
            _lost.Add(lostSeconds, Model(model));
        }
    }

    internal void OnTagged(string model, int chunks) => _chunks.Add(chunks, Model(model));

    /// <summary>A push has completed chunks.</summary>
    internal void OnPushTagged(string model, TimeSpan duration) => _push.Record(duration.TotalSeconds, Model(model));

    internal void OnEventClosed() => _events.Add(1, Result("closed"));

    internal void OnEventsKept(int count) => _events.Add(count, Result("kept"));

    internal void OnEventsLost(int count) => _events.Add(count, Result("lost"));

    internal void OnObserversExpired(int count) => _observersExpired.Add(count);

    private static KeyValuePair<string, object?> Result(string name) => Tag(TelemetryNames.Result, name);

    private static KeyValuePair<string, object?> Model(string name) => Tag(TelemetryNames.Model, name);

    private static KeyValuePair<string, object?> Reason(StreamEndReason reason) =>
        Tag(TelemetryNames.Reason, reason.ToString().ToLowerInvariant());

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);
}
