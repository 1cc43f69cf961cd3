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

    private readonly Meter _meter;
    private readonly KeyValuePair<string, object?> _model;
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _wait;
    private readonly Histogram<int> _batchSize;
    private readonly Counter<long> _steps;
    private readonly Counter<long> _failures;
    private readonly Counter<double> _audio;
    private readonly Counter<double> _intake;

    /// <param name="modelName">Tag of each measurement.</param>
    /// <param name="meters">Of the host that the engine belongs to, as the scope of its meter; null: the process.</param>
    public EngineInstruments(string modelName, IMeterFactory? meters = null)
    {
        _meter = new Meter(new MeterOptions(Name) { Scope = meters }); // made here, because it goes when the engine does
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
        _failures.Add(0, _model); // a rate over the first failure needs a zero before it
        _audio = _meter.CreateCounter<double>("dass.engine.audio", "s", "Audio that steps have committed.");
        _intake = _meter.CreateCounter<double>(
            "dass.engine.intake.time", "s", "Time of threads in decoding, resampling and features, outside of batches.");
    }

    /// <summary>What is asked of an engine each time that metrics are read.</summary>
    internal void Observe(StreamEngine engine)
    {
        _meter.CreateObservableUpDownCounter("dass.engine.queue.length", () => Measure(engine.QueueLength), "{step}", "Steps that wait.");
        _meter.CreateObservableGauge(
            "dass.engine.queue.age", () => Measure(engine.LiveWait.TotalSeconds), "s", "How long live steps have to wait now.");
        _meter.CreateObservableGauge(
            "dass.engine.busy", () => Measure(engine.Busy), "1",
            $"Share of the last {BusyTime.Seconds} s in which the device's threads ran batches, 0 to 1: the signal to scale by.");
        _meter.CreateObservableUpDownCounter(
            "dass.engine.slots.used", () => Measure(engine.Slots.Used), "{slot}", "Slots that streams hold.");
        _meter.CreateObservableUpDownCounter(
            "dass.engine.slots.capacity", () => Measure(engine.Slots.Capacity), "{slot}", "Slots in all.");
        _meter.CreateObservableGauge(
            "dass.engine.rate", () => Measure(engine.Rate), "{stream}",
            "Streams that the devices carry in real time, measured from their steps.");
        _meter.CreateObservableGauge<long>(
            "dass.engine.device.memory.free", () => engine.FreeDeviceMemory is { } free ? [Measure(free)] : [], "By",
            "Memory of the model's GPUs that nothing holds.");
    }

    internal void TakenIn(TimeSpan duration) => _intake.Add(duration.TotalSeconds, _model);

    /// <summary>
    /// A batch's own trace, with links to all of its streams' chunks that are recorded; null when none is.
    /// </summary>
    internal Activity? StartBatch(ReadOnlySpan<QueuedStep> batch)
    {
        if (!Source.HasListeners())
        {
            return null;
        }
        List<ActivityLink>? links = null;
        foreach (var step in batch)
        {
            if (step.Caller.TraceFlags.HasFlag(ActivityTraceFlags.Recorded))
            {
                (links ??= []).Add(new ActivityLink(step.Caller));
            }
        }
        return links is null ? null : Source.StartActivity(ActivityKind.Internal, links: links, name: "dass.engine.batch")
            ?.SetTag(_model.Key, _model.Value)
            .SetTag("dass.batch_size", batch.Length)
            .SetTag("dass.frames", batch[0].Frames)
            .SetTag("dass.committed_frames", batch[0].Committed);
    }

    /// <summary>Writes the wait and the step of each recorded stream into the trace of its chunk, with a link to the batch.</summary>
    internal void Trace(ReadOnlySpan<QueuedStep> batch, ActivityContext link, long startedAt, long endedAt, Exception? failure)
    {
        var now = DateTime.UtcNow;
        var (began, ended) = (now - Stopwatch.GetElapsedTime(startedAt, endedAt), now);
        foreach (var step in batch)
        {
            if (!step.Caller.TraceFlags.HasFlag(ActivityTraceFlags.Recorded))
            {
                continue;
            }
            var enqueued = began - Stopwatch.GetElapsedTime(0, step.Waited);
            Source.StartActivity("dass.engine.queue", ActivityKind.Internal, step.Caller, startTime: enqueued)
                ?.SetTag("dass.pace", step.Live ? Live.Value : CatchUp.Value).SetEndTime(began).Stop();
            Source.StartActivity("dass.engine.step", ActivityKind.Internal, step.Caller, links: [new ActivityLink(link)], startTime: began)
                ?.SetTag(_model.Key, _model.Value)
                .SetTag("dass.batch_size", batch.Length)
                .SetStatus(failure is null ? ActivityStatusCode.Unset : ActivityStatusCode.Error, failure?.Message)
                .SetEndTime(ended)
                .Stop();
        }
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
            _failures.Add(batch.Length, _model);
            return;
        }
        _steps.Add(batch.Length, _model);
        _audio.Add(batch.Length * batch[0].Committed * FrameRate.HopSeconds, _model);
    }

    public void Dispose() => _meter.Dispose();

    private Measurement<T> Measure<T>(T value)
        where T : struct => new(value, _model);
}
