using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Streaming;

namespace Dass.Grid.Engine.Tests.Streaming;

public sealed class StepBatcherTests : IAsyncLifetime
{
    private readonly GatedModel _model = new();
    private readonly EngineInstruments _instruments = new("tiny");
    private readonly StateArena _arena;
    private StepBatcher? _batcher;

    public StepBatcherTests() => _arena = new StateArena(_model.StateLayout, 32);

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        _model.Allow(1000);
        if (_batcher is not null)
        {
            await _batcher.DisposeAsync();
        }
        _arena.Dispose();
        _instruments.Dispose();
    }

    [Fact]
    public async Task Steps_that_queue_up_behind_a_running_batch_go_as_one()
    {
        var batcher = Start(maxBatch: 4);
        var first = batcher.StepAsync(Step(), default).AsTask();
        await _model.Entered();
        var others = Enumerable.Range(0, 4).Select(_ => batcher.StepAsync(Step(), default).AsTask()).ToArray();
        _model.Allow(2);
        await Task.WhenAll([first, .. others]);
        Assert.Equal([(160, 1), (160, 4)], _model.Batches);
    }

    [Fact]
    public async Task Live_steps_that_wait_show_and_those_that_catch_up_do_not()
    {
        var batcher = Start(maxBatch: 1);
        Assert.Equal(TimeSpan.Zero, batcher.LiveWait);
        var first = batcher.StepAsync(Step(), default).AsTask();
        await _model.Entered();
        var ahead = Step();
        ahead.DueNext = System.Diagnostics.Stopwatch.GetTimestamp() + 3600 * System.Diagnostics.Stopwatch.Frequency;
        var second = batcher.StepAsync(ahead, default).AsTask();
        Assert.Equal(TimeSpan.Zero, batcher.LiveWait);
        var third = batcher.StepAsync(Step(), default).AsTask();
        while (batcher.LiveWait < TimeSpan.FromMilliseconds(20))
        {
            await Task.Delay(1);
        }
        _model.Allow(3);
        await Task.WhenAll(first, second, third);
        Assert.False(ahead.Live);
    }

    [Fact]
    public async Task Batches_have_the_sizes_of_powers_of_two()
    {
        var batcher = Start(maxBatch: 8);
        var first = batcher.StepAsync(Step(), default).AsTask();
        await _model.Entered();
        var others = Enumerable.Range(0, 7).Select(_ => batcher.StepAsync(Step(), default).AsTask()).ToArray();
        _model.Allow(100);
        await Task.WhenAll([first, .. others]);
        Assert.Equal([1, 4, 2, 1], _model.Batches.Select(batch => batch.Slots));
    }

    [Fact]
    public async Task A_full_batch_does_not_wait_for_the_maximum_wait()
    {
        var batcher = Start(maxBatch: 2, maxWait: TimeSpan.FromHours(1));
        _model.Allow();
        await Task.WhenAll(batcher.StepAsync(Step(), default).AsTask(), batcher.StepAsync(Step(), default).AsTask());
        Assert.Equal([(160, 2)], _model.Batches);
    }

    [Fact]
    public async Task A_lone_step_runs_after_the_maximum_wait()
    {
        var batcher = Start(maxBatch: 8, maxWait: TimeSpan.FromMilliseconds(1));
        _model.Allow();
        await batcher.StepAsync(Step(), default);
        Assert.Equal([(160, 1)], _model.Batches);
    }

    [Fact]
    public async Task Different_shapes_never_share_a_batch()
    {
        var batcher = Start(maxBatch: 8);
        var first = batcher.StepAsync(Step(), default).AsTask();
        await _model.Entered();
        Task[] others = [.. new[] { 160, 96, 160, 40 }.Select(frames => batcher.StepAsync(Step(frames), default).AsTask())];
        _model.Allow(100);
        await Task.WhenAll([first, .. others]);
        Assert.Equal([(160, 1), (160, 2), (96, 1), (40, 1)], _model.Batches);
    }

    [Fact]
    public async Task A_full_queue_refuses_at_once_and_the_stream_can_step_later()
    {
        var batcher = Start(capacity: 1);
        var running = batcher.StepAsync(Step(), default).AsTask();
        await _model.Entered();
        var waiting = batcher.StepAsync(Step(), default).AsTask();
        var refused = Step();
        Assert.Throws<StepQueueFullException>(() => { _ = batcher.StepAsync(refused, default); });
        _model.Allow(3);
        await Task.WhenAll(running, waiting);
        Assert.Equal(0, refused.Slot.CommittedFrames);
        await batcher.StepAsync(refused, default);
        Assert.Equal(96, refused.Slot.CommittedFrames);
    }

    [Fact]
    public async Task Without_a_capacity_every_stream_can_wait()
    {
        const int Streams = 2000;
        var batcher = Start(capacity: 0, maxBatch: 1024);
        using var arena = new StateArena(_model.StateLayout, Streams);
        var steps = Enumerable.Range(0, Streams).Select(_ => new CountingStep(arena.TryRent()!)).ToArray();
        Assert.All(steps, step => step.Shape(160, 96));
        var tasks = steps.Select(step => batcher.StepAsync(step, default).AsTask()).ToArray();
        await _model.Entered();
        Assert.InRange(batcher.QueueLength, Streams - 1024, Streams);
        _model.Allow(1000);
        await Task.WhenAll(tasks);
        Assert.All(steps, step => Assert.Equal(96, step.Slot.CommittedFrames));
        Assert.All(steps, step => step.Slot.Dispose());
    }

    [Fact]
    public async Task A_stream_has_one_step_under_way()
    {
        var batcher = Start();
        var step = Step();
        var running = batcher.StepAsync(step, default).AsTask();
        Assert.Throws<InvalidOperationException>(() => { _ = batcher.StepAsync(step, default); });
        _model.Allow();
        await running;
    }

    [Fact]
    public async Task A_cancelled_step_that_waits_leaves_the_queue_and_its_stream_as_it_was()
    {
        var batcher = Start();
        var running = batcher.StepAsync(Step(), default).AsTask();
        await _model.Entered();
        using var cancellation = new CancellationTokenSource();
        var step = Step();
        var waiting = batcher.StepAsync(step, cancellation.Token).AsTask();
        cancellation.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(0, batcher.QueueLength);
        _model.Allow(2);
        await running;
        await batcher.StepAsync(step, default);
        Assert.Equal(1, step.Stepped);
    }

    [Fact]
    public async Task A_cancelled_step_that_runs_is_finished()
    {
        var batcher = Start();
        using var cancellation = new CancellationTokenSource();
        var step = Step();
        var running = batcher.StepAsync(step, cancellation.Token).AsTask();
        await _model.Entered();
        cancellation.Cancel();
        _model.Allow();
        await running;
        Assert.Equal(1, step.Stepped);
    }

    [Fact]
    public async Task A_cancelled_token_does_not_queue()
    {
        var batcher = Start();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => batcher.StepAsync(Step(), new CancellationToken(true)).AsTask());
        Assert.Empty(_model.Batches);
    }

    [Fact]
    public async Task A_failing_model_fails_its_batch_alone_and_the_thread_lives_on()
    {
        var batcher = Start(maxBatch: 2, maxWait: TimeSpan.FromHours(1));
        _model.Fails = true;
        _model.Allow();
        CountingStep[] steps = [Step(), Step()];
        var tasks = steps.Select(step => batcher.StepAsync(step, default).AsTask()).ToArray();
        foreach (var task in tasks)
        {
            var failure = await Assert.ThrowsAsync<StepFailedException>(() => task);
            Assert.Contains("tiny", failure.Message);
            Assert.IsType<InvalidDataException>(failure.InnerException);
        }
        Assert.All(steps, step => Assert.Equal((0, 0L), (step.Stepped, step.Slot.CommittedFrames)));

        _model.Fails = false;
        _model.Allow();
        await Task.WhenAll(steps.Select(step => batcher.StepAsync(step, default).AsTask()));
        Assert.Single(_model.Threads.Distinct());
    }

    [Fact]
    public async Task A_failing_outcome_fails_its_stream_alone()
    {
        var batcher = Start(maxBatch: 2, maxWait: TimeSpan.FromHours(1));
        _model.Allow();
        CountingStep good = Step(), bad = Step();
        bad.Failure = new InvalidDataException();
        var (goodTask, badTask) = (batcher.StepAsync(good, default).AsTask(), batcher.StepAsync(bad, default).AsTask());
        await goodTask;
        await Assert.ThrowsAsync<InvalidDataException>(() => badTask);
    }

    [Fact]
    public async Task Steps_run_on_named_threads_of_their_own_and_callers_do_not()
    {
        var batcher = Start();
        _model.Allow();
        var step = Step();
        var continued = await ThreadAfter(batcher.StepAsync(step, default));
        Assert.StartsWith("dass-step-", _model.Threads[0].Name);
        Assert.False(_model.Threads[0].IsThreadPoolThread);
        Assert.Same(_model.Threads[0], step.SteppedOn);
        Assert.NotSame(_model.Threads[0], continued);
    }

    [Fact]
    public async Task Disposing_finishes_what_runs_and_fails_what_waits()
    {
        var batcher = Start();
        CountingStep first = Step(), second = Step();
        var running = batcher.StepAsync(first, default).AsTask();
        await _model.Entered();
        var waiting = batcher.StepAsync(second, default).AsTask();
        var disposing = batcher.DisposeAsync().AsTask();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting);
        Assert.False(disposing.IsCompleted);
        _model.Allow();
        await disposing;
        await running;
        Assert.Equal((1, 0), (first.Stepped, second.Stepped));
        Assert.Throws<ObjectDisposedException>(() => { _ = batcher.StepAsync(second, default); });
    }

    [Fact]
    public async Task A_slot_is_given_back_only_after_the_step_that_runs_on_it()
    {
        var batcher = Start();
        var step = Step();
        var running = batcher.StepAsync(step, default).AsTask();
        await _model.Entered();
        batcher.Release(step);
        Assert.Equal(1, _arena.Used);
        _model.Allow();
        await running;
        Assert.Equal(0, _arena.Used);
        Assert.Throws<ObjectDisposedException>(() => { _ = batcher.StepAsync(step, default); });
    }

    [Fact]
    public async Task A_released_step_that_waits_fails_and_its_slot_is_free()
    {
        var batcher = Start();
        var running = batcher.StepAsync(Step(), default).AsTask();
        await _model.Entered();
        var step = Step();
        var waiting = batcher.StepAsync(step, default).AsTask();
        batcher.Release(step);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting);
        Assert.Equal(1, _arena.Used);
        _model.Allow();
        await running;
    }

    [Fact]
    public async Task A_storm_of_steps_and_cancellations_ends_every_step_once()
    {
        var batcher = Start(maxBatch: 4, threads: 2);
        _model.Allow(100_000);
        var streams = Enumerable.Range(0, 24).Select(async stream =>
        {
            var step = Step(stream % 3 == 0 ? 96 : 160);
            var (random, done) = (new Random(stream), 0);
            for (var i = 0; i < 200; i++)
            {
                using var cancellation = new CancellationTokenSource();
                var task = batcher.StepAsync(step, cancellation.Token).AsTask();
                if (random.Next(2) == 0)
                {
                    await Task.Yield();
                    cancellation.Cancel();
                }
                try
                {
                    await task;
                    done++;
                }
                catch (OperationCanceledException)
                {
                }
            }
            Assert.Equal(done, step.Stepped);
            Assert.Equal(96L * done, step.Slot.CommittedFrames);
        });
        await Task.WhenAll(streams);
        Assert.Equal(0, batcher.QueueLength);
    }

    // Without the test's synchronisation context, which would move the continuation in any case.
    private static async Task<Thread> ThreadAfter(ValueTask task)
    {
        await task.ConfigureAwait(false);
        return Thread.CurrentThread;
    }

    private StepBatcher Start(int capacity = 1024, int maxBatch = 1, int threads = 1, TimeSpan maxWait = default) =>
        _batcher = new StepBatcher(
            _model, new StepBatcherOptions { QueueCapacity = capacity, MaxBatch = maxBatch, MaxWait = maxWait }, threads, _instruments);

    private CountingStep Step(int frames = 160)
    {
        var step = new CountingStep(_arena.TryRent()!);
        step.Shape(frames, Math.Min(frames, 96));
        return step;
    }
}
