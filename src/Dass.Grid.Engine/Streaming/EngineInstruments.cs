using System.Diagnostics;
using System.Diagnostics.Metrics;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Streaming;

/// <summary>
/// The metrics and traces of one model's engine, under <see cref="Name"/>, each measurement tagged with <c>dass.model</c>.
/// </summary>
public sealed class EngineInstruments : IDisposable
{
    /// <summary>Name of the meter and of the activity source.</summary>
    public const string Name = "Dass.Grid.Engine";

    private static readonly ActivitySource Source = new(Name);

    private static readonly KeyValuePair<string, object?> Live = new("dass.pace", "live");
    private static readonly KeyValuePair<string, object?> CatchUp = new("dass.pace", "catch_up");

    private readonly Meter _meter = new(Name);
    private readonly KeyValuePair<string, object?> _model;
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _wait;
    private readonly Histogram<int> _batchSize;
    private readonly Counter<long> _steps;
    private readonly Counter<long> _failures;
    private readonly Counter<double> _audio;
    private readonly Counter<double> _intake;

    public EngineInstruments(string modelName)
    {
        _model = new("dass.model", modelName);
        var seconds = new InstrumentAdvice<double>
        {
            HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
        };
        var sizes = new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] };
        _duration = _meter.CreateHistogram("dass.engine.step.duration", "s", "Time that a batch takes on its device.", advice: seconds);
        _wait = _meter.CreateHistogram(
            "dass.engine.step.wait", "s",
            "Time that a step waits for its batch; dass.pace says whether its audio was due in real time.",
            advice: seconds);
        _batchSize = _meter.CreateHistogram("dass.engine.step.batch_size", "{stream}", "Streams of a batch.", advice: sizes);
        _steps = _meter.CreateCounter<long>("dass.engine.steps", "{step}", "Steps of single streams that succeeded.");
        _failures = _meter.CreateCounter<long>("dass.engine.step.failures", "{step}", "Steps of single streams that failed.");
        _audio = _meter.CreateCounter<double>("dass.engine.audio", "s", "Audio that steps have committed.");
        _intake = _meter.CreateCounter<double>(
            "dass.engine.intake.time", "s", "Time of threads in decoding, resampling and features, outside of batches.");
    }

    internal void ObserveQueue(Func<int> length) =>
        _meter.CreateObservableUpDownCounter("dass.engine.queue.length", () => Measure(length()), "{step}", "Steps that wait.");

    internal void ObserveSlots(Func<int> used, int capacity)
    {
        _meter.CreateObservableUpDownCounter("dass.engine.slots.used", () => Measure(used()), "{slot}", "Slots that streams hold.");
        _meter.CreateObservableUpDownCounter("dass.engine.slots.capacity", () => Measure(capacity), "{slot}", "Slots in all.");
    }

    internal void TakenIn(TimeSpan duration) => _intake.Add(duration.TotalSeconds, _model);

    internal Activity? StartStep(ReadOnlySpan<QueuedStep> batch)
    {
        if (!Source.HasListeners())
        {
            return null;
        }
        var links = new List<ActivityLink>(batch.Length);
        foreach (var step in batch)
        {
            if (step.Caller != default)
            {
                links.Add(new ActivityLink(step.Caller));
            }
        }
        return Source.StartActivity(ActivityKind.Internal, links: links, name: "dass.engine.step")
            ?.SetTag(_model.Key, _model.Value)
            .SetTag("dass.batch_size", batch.Length)
            .SetTag("dass.frames", batch[0].Frames)
            .SetTag("dass.committed_frames", batch[0].Committed);
    }

    internal void Stepped(ReadOnlySpan<QueuedStep> batch, long startedAt, long endedAt, Exception? failure)
    {
        _duration.Record(Stopwatch.GetElapsedTime(startedAt, endedAt).TotalSeconds, _model);
        _batchSize.Record(batch.Length, _model);
        foreach (var step in batch)
        {
            _wait.Record(Stopwatch.GetElapsedTime(step.EnqueuedAt, startedAt).TotalSeconds, _model, step.Live ? Live : CatchUp);
        }
        if (failure is not null)
        {
            _failures.Add(batch.Length, _model, new("error.type", failure.GetType().FullName));
            return;
        }
        _steps.Add(batch.Length, _model);
        _audio.Add(batch.Length * batch[0].Committed * FrameRate.HopSeconds, _model);
    }

    public void Dispose() => _meter.Dispose();

    private Measurement<int> Measure(int value) => new(value, _model);
}
