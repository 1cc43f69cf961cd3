using CsCheck;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Streaming;

namespace Dass.Grid.Engine.Tests.Streaming;

/// <summary>A device that takes a fixed time for a step, on a clock of its own.</summary>
public sealed class StepFairnessTests : IDisposable
{
    private const int TicksPerSecond = 1000;
    private const int ChunkTicks = 960;

    private readonly StateArena _arena = new(new StateLayout(TinyModel.Instance.Config), 64);
    private readonly StepQueue _queue = new(maxBatch: 4, maxCatchUpBatch: 4, maxWait: 0, TicksPerSecond);
    private readonly QueuedStep[] _batch = new QueuedStep[4];
    private readonly Dictionary<QueuedStep, int> _served = [];

    public void Dispose() => _arena.Dispose();

    [Fact]
    public void A_stream_that_is_ahead_of_real_time_waits_for_live_ones()
    {
        var (flood, live) = (Step(new StepShare()), Step(new StepShare()));
        Run(from: 0, until: 100, stepTicks: 10, flood); // 10 steps: 9.6 s of audio, of which 5 s are slack
        _queue.Add(flood, 100);
        _queue.Add(live, 100);
        Assert.Equal(1, _queue.Take(100, 1, _batch));
        Assert.Same(live, _batch[0]);
        Assert.True(live.Live);
        Assert.Equal(1, _queue.Take(100, 1, _batch));
        Assert.Same(flood, _batch[0]);
        Assert.False(flood.Live);
    }

    [Fact]
    public void A_batch_of_live_steps_is_not_filled_with_others()
    {
        var (flood, live) = (Step(new StepShare()), Step(new StepShare()));
        Run(from: 0, until: 100, stepTicks: 10, flood);
        _queue.Add(flood, 100);
        _queue.Add(live, 100);
        Assert.Equal(1, _queue.Take(100, 1, _batch));
    }

    [Fact]
    public void However_busy_the_device_is_with_live_steps_each_stream_gets_a_second_per_second()
    {
        var fast = Step(new StepShare());
        QueuedStep[] live = [.. Enumerable.Range(0, 8).Select(_ => Step(new StepShare()))];
        const int Seconds = 100;
        var due = live.ToDictionary(step => step, _ => 0L);
        for (long now = 0; now < Seconds * TicksPerSecond;)
        {
            if (fast.State == QueuedStepState.Idle)
            {
                _queue.Add(fast, now);
            }
            foreach (var step in live.Where(step => step.State == QueuedStepState.Idle && due[step] <= now))
            {
                _queue.Add(step, now);
                due[step] += ChunkTicks;
            }
            now += 106 * Serve(now); // 9 streams need 954 ticks of each 960
        }
        var expected = Seconds * TicksPerSecond / ChunkTicks;
        Assert.InRange(_served[fast], expected, expected + 20);
        Assert.All(live, step => Assert.InRange(_served[step], expected - 1, expected + 1));
    }

    [Fact]
    public void A_stream_that_has_caught_up_is_served_with_the_live_ones_again()
    {
        var caughtUp = Step(new StepShare());
        Run(from: 0, until: 1000, stepTicks: 2, caughtUp); // 500 steps in a second: it is 8 minutes ahead of real time
        QueuedStep[] live = [.. Enumerable.Range(0, 9).Select(_ => Step(new StepShare()))];
        const int Chunks = 100;
        var (longest, came) = (0L, 0);
        for (long now = 1000; came < Chunks || caughtUp.State == QueuedStepState.Waiting; now += 106)
        {
            // 10 streams need 1060 ticks of each 960
            if (caughtUp.State == QueuedStepState.Idle && now >= 1000 + came * ChunkTicks)
            {
                _queue.Add(caughtUp, now);
                came++;
            }
            foreach (var step in live.Where(step => step.State == QueuedStepState.Idle))
            {
                _queue.Add(step, now);
            }
            Assert.Equal(1, _queue.Take(now, freeThreads: 10, _batch));
            _batch[0].State = QueuedStepState.Idle;
            longest = Math.Max(longest, _batch[0] == caughtUp ? now - caughtUp.EnqueuedAt : 0);
        }
        Assert.InRange(longest, 0, 2 * ChunkTicks);
    }

    [Fact]
    public void Owners_get_device_time_by_weight_for_any_number_of_their_streams() =>
        Gen.Select(Gen.Int[2, 20], Gen.Int[2, 20], Gen.Double[0.25, 4], Gen.Bool).Sample((few, many, weight, ahead) =>
        {
            var (one, other) = (new StepShare(), new StepShare { Weight = weight });
            using var arena = new StateArena(new StateLayout(TinyModel.Instance.Config), few + many);
            var queue = new StepQueue(maxBatch: 1, maxCatchUpBatch: 1, maxWait: 0, TicksPerSecond);
            var batch = new QueuedStep[1];
            for (var i = 0; i < few + many; i++)
            {
                queue.Add(Step(i < few ? one : other, arena), now: 0);
            }
            var served = new Dictionary<StepShare, int> { [one] = 0, [other] = 0 };
            long now = 0;
            for (var i = 0; i < 2000; i++)
            {
                Assert.Equal(1, queue.Take(now, 1, batch));
                served[batch[0].Share]++;
                batch[0].State = QueuedStepState.Idle;
                now += ahead ? 1 : 2 * ChunkTicks; // nearly all steps catch up, or all are live
                queue.Add(batch[0], now);
            }
            Assert.InRange(served[other] / (double)served[one], weight * 0.97, weight * 1.03);
        }, iter: 50, threads: 1);

    [Fact]
    public void A_step_of_a_rare_shape_has_its_turn_though_others_of_its_owner_ride_along_in_every_batch() =>
        Gen.Select(Gen.Int[1, 6], Gen.Int[1, 6], Gen.Int[1, 4], Gen.Double[0.25, 4]).Sample((owners, streams, others, weight) =>
        {
            using var arena = new StateArena(new StateLayout(TinyModel.Instance.Config), owners * streams + others + 1);
            var queue = new StepQueue(maxBatch: 4, maxCatchUpBatch: 4, maxWait: 0, TicksPerSecond);
            var (owner, batch, now) = (new StepShare { Weight = weight }, new QueuedStep[4], 0L);
            foreach (var share in Enumerable.Range(0, owners).Select(_ => new StepShare()))
            {
                for (var i = 0; i < streams; i++)
                {
                    queue.Add(Step(share, arena), now);
                }
            }
            for (var i = 0; i < others; i++)
            {
                queue.Add(Step(owner, arena), now);
            }
            var rare = Step(owner, arena, frames: 40);
            for (var taken = 0; taken < 400; taken++)
            {
                if (taken == 200)
                {
                    queue.Add(rare, now);
                }
                now += 2 * ChunkTicks; // all are live
                var size = queue.Take(now, 1, batch);
                if (batch[0] == rare)
                {
                    return;
                }
                for (var i = 0; i < size; i++)
                {
                    batch[i].State = QueuedStepState.Idle;
                    queue.Add(batch[i], now);
                }
            }
            Assert.Fail("200 batches were run, and none was its own.");
        }, iter: 200, threads: 1);

    [Fact]
    public void An_owner_that_has_been_silent_has_no_claim_to_the_time_that_it_did_not_use()
    {
        var (busy, silent) = (new StepShare(), new StepShare());
        QueuedStep[] first = [Step(busy), Step(busy)];
        Run(from: 0, until: 1000, stepTicks: 1, first);
        _served.Clear();
        Run(from: 1000, until: 1200, stepTicks: 1, [.. first, Step(silent), Step(silent)]);
        Assert.InRange(Count(silent), 90, 110);
    }

    [Fact]
    public void Streams_of_one_owner_progress_alike()
    {
        var owner = new StepShare();
        QueuedStep[] steps = [.. Enumerable.Range(0, 7).Select(_ => Step(owner))];
        Run(from: 0, until: 700, stepTicks: 1, steps);
        Assert.All(steps, step => Assert.InRange(_served[step], 98, 102));
    }

    [Fact]
    public void In_any_order_of_adding_and_removing_each_step_is_served_once_live_ones_first_in_batches_of_one_shape() =>
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 11], Gen.Int[0, 2000]).Array[1, 200].Sample(actions =>
        {
            using var arena = new StateArena(new StateLayout(TinyModel.Instance.Config), 12);
            var queue = new StepQueue(maxBatch: 4, maxCatchUpBatch: 4, maxWait: 3, TicksPerSecond);
            var owners = Enumerable.Range(0, 3).Select(_ => new StepShare()).ToArray();
            QueuedStep[] steps = [.. Enumerable.Range(0, 12).Select(i => Step(owners[i % 3], arena, frames: i % 4 == 0 ? 40 : 160))];
            var waiting = new HashSet<QueuedStep>();
            var batch = new QueuedStep[4];
            long now = 0;
            foreach (var (action, index, wait) in actions)
            {
                var step = steps[index];
                switch (action)
                {
                    case 0 or 1 when step.State == QueuedStepState.Idle:
                        queue.Add(step, now);
                        waiting.Add(step);
                        break;
                    case 2 when step.State == QueuedStepState.Waiting:
                        queue.Remove(step);
                        waiting.Remove(step);
                        break;
                    case 3:
                        now += wait;
                        var size = queue.Take(now, 1 + index % 2, batch);
                        Assert.Equal(size == 0, waiting.Count == 0 || (size == 0 && now < queue.Deadline));
                        for (var i = 0; i < size; i++)
                        {
                            Assert.True(waiting.Remove(batch[i]));
                            Assert.True(batch[i].HasShapeOf(batch[0]));
                            Assert.Equal(batch[0].Live, batch[i].Live);
                            batch[i].State = QueuedStepState.Idle;
                        }
                        if (size > 0 && !batch[0].Live)
                        {
                            Assert.DoesNotContain(waiting, other => other.DueAt <= now && other.HasShapeOf(batch[0]));
                        }
                        break;
                }
                Assert.Equal(waiting.Count, queue.Count);
            }
        }, iter: 2000, threads: 1);

    private void Run(long from, long until, int stepTicks, params QueuedStep[] steps)
    {
        foreach (var step in steps.Where(step => step.State == QueuedStepState.Idle))
        {
            _queue.Add(step, from);
        }
        for (var now = from; now < until;)
        {
            var size = _queue.Take(now, 1, _batch);
            now += size * stepTicks;
            for (var i = 0; i < size; i++)
            {
                _served[_batch[i]] = _served.GetValueOrDefault(_batch[i]) + 1;
                _batch[i].State = QueuedStepState.Idle;
                if (now < until)
                {
                    _queue.Add(_batch[i], now);
                }
            }
        }
        while (_queue.Oldest is { } left)
        {
            _queue.Remove(left);
        }
    }

    private int Serve(long now)
    {
        var size = _queue.Take(now, 1, _batch);
        for (var i = 0; i < size; i++)
        {
            _served[_batch[i]] = _served.GetValueOrDefault(_batch[i]) + 1;
            _batch[i].State = QueuedStepState.Idle;
        }
        return Math.Max(size, 1);
    }

    private int Count(StepShare owner) => _served.Where(served => served.Key.Share == owner).Sum(served => served.Value);

    private CountingStep Step(StepShare owner) => Step(owner, _arena);

    private static CountingStep Step(StepShare owner, StateArena arena, int frames = 160)
    {
        var step = new CountingStep(arena.TryRent()!, owner);
        step.Shape(frames, Math.Min(frames, 96));
        return step;
    }
}
