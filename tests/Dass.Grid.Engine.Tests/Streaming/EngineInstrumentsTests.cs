using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Dass.Grid.Engine.Streaming;

namespace Dass.Grid.Engine.Tests.Streaming;

[Collection(nameof(Alone))]
public sealed class EngineInstrumentsTests
{
    [Fact]
    public async Task A_step_is_measured_and_traced_back_to_its_callers()
    {
        var measured = new ConcurrentDictionary<string, double>();
        using var meters = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == EngineInstruments.Name)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        meters.SetMeasurementEventCallback<long>(
            (instrument, value, _, _) => measured.AddOrUpdate(instrument.Name, value, (_, sum) => sum + value));
        meters.SetMeasurementEventCallback<int>(
            (instrument, value, _, _) => measured.AddOrUpdate(instrument.Name, value, (_, sum) => sum + value));
        meters.SetMeasurementEventCallback<double>(
            (instrument, value, _, _) => measured.AddOrUpdate(instrument.Name, value, (_, sum) => sum + value));
        meters.Start();
        var ended = new ConcurrentQueue<Activity>();
        using var traces = new ActivityListener
        {
            ShouldListenTo = source => source.Name == EngineInstruments.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = ended.Enqueue,
        };
        ActivitySource.AddActivityListener(traces);

        using var model = new GatedModel();
        await using var engine = new StreamEngine(
            model, new EngineOptions { MaxStreams = 7, Threads = 1, Batcher = { MaxBatch = 1 } }, warmUp: false);
        using var session = engine.Open(EngineFixture.Pcm16, EngineFixture.Options(96, 0));
        model.Allow();
        using (var unrecorded = new Activity("of a chunk that no exporter wants").Start())
        {
            await session.PushAsync(EngineFixture.Babble(0, 96 * 160 + 400), [], default);
        }
        Assert.Empty(ended);
        using var caller = new Activity("caller") { ActivityTraceFlags = ActivityTraceFlags.Recorded }.Start();
        model.Allow();
        await session.PushAsync(EngineFixture.Babble(0, 96 * 160), [], default);
        model.Fails = true;
        model.Allow();
        await Assert.ThrowsAsync<StepFailedException>(() => session.PushAsync(EngineFixture.Babble(0, 96 * 160), [], default).AsTask());
        meters.RecordObservableInstruments();

        Assert.Equal(2, measured["dass.engine.steps"]);
        Assert.Equal(1, measured["dass.engine.step.failures"]);
        Assert.Equal(3, measured["dass.engine.step.batch_size"]);
        Assert.Equal(1.92, measured["dass.engine.audio"], 1e-9);
        Assert.Equal(
            (7, 1, 0), (measured["dass.engine.slots.capacity"], measured["dass.engine.slots.used"], measured["dass.engine.queue.length"]));
        Assert.True(measured["dass.engine.step.duration"] > 0);
        Assert.True(measured["dass.engine.step.wait"] > 0);
        var batches = ended.Where(activity => activity.OperationName == "dass.engine.batch").ToArray();
        Assert.Equal([ActivityStatusCode.Unset, ActivityStatusCode.Error], batches.Select(batch => batch.Status));
        Assert.All(batches, batch => Assert.Equal(caller.Context, Assert.Single(batch.Links).Context));
        var steps = ended.Where(activity => activity.OperationName == "dass.engine.step").ToArray();
        Assert.Equal([ActivityStatusCode.Unset, ActivityStatusCode.Error], steps.Select(step => step.Status));
        Assert.Equal(batches.Select(batch => batch.Context), steps.Select(step => Assert.Single(step.Links).Context));
        Assert.Equal(2, ended.Count(activity => activity.OperationName == "dass.engine.queue"));
        Assert.All(ended.Except(batches), span => Assert.Equal(caller.Context.SpanId, span.ParentSpanId));
    }
}
