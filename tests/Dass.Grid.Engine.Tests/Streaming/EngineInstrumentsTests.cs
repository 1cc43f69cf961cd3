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
        using var caller = new Activity("caller").Start();
        model.Allow();
        await session.PushAsync(EngineFixture.Babble(0, 96 * 160 + 400), [], default);
        model.Fails = true;
        model.Allow();
        await Assert.ThrowsAsync<StepFailedException>(() => session.PushAsync(EngineFixture.Babble(0, 96 * 160), [], default).AsTask());
        meters.RecordObservableInstruments();

        Assert.Equal(1, measured["dass.engine.steps"]);
        Assert.Equal(1, measured["dass.engine.step.failures"]);
        Assert.Equal(2, measured["dass.engine.step.batch_size"]);
        Assert.Equal(0.96, measured["dass.engine.audio"], 1e-9);
        Assert.Equal(
            (7, 1, 0), (measured["dass.engine.slots.capacity"], measured["dass.engine.slots.used"], measured["dass.engine.queue.length"]));
        Assert.True(measured["dass.engine.step.duration"] > 0);
        Assert.True(measured["dass.engine.step.wait"] > 0);
        Assert.Equal([ActivityStatusCode.Unset, ActivityStatusCode.Error], ended.Select(activity => activity.Status));
        Assert.All(ended, activity => Assert.Equal(caller.Context, Assert.Single(activity.Links).Context));
    }
}
