using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Streaming;

namespace Dass.Grid.Engine.Tests.Streaming;

public sealed class StepQueueTests : IDisposable
{
    private readonly StateArena _arena = new(new StateLayout(TinyModel.Instance.Config), 16);
    private readonly QueuedStep[] _batch = new QueuedStep[4];

    public void Dispose() => _arena.Dispose();

    [Fact]
    public void Nothing_goes_before_the_maximum_wait_unless_a_batch_is_full()
    {
        var queue = new StepQueue(maxBatch: 4, maxCatchUpBatch: 4, maxWait: 10, ticksPerSecond: 1000);
        Assert.True(queue.Add(Step(160), now: 0));
        Assert.False(queue.Add(Step(160), now: 1));
        Assert.Equal(0, queue.Take(now: 9, freeThreads: 1, _batch));
        Assert.Equal(2, queue.Take(now: 10, freeThreads: 1, _batch));
    }

    [Fact]
    public void A_full_batch_of_another_shape_passes_a_young_step()
    {
        var queue = new StepQueue(maxBatch: 4, maxCatchUpBatch: 4, maxWait: 10, ticksPerSecond: 1000);
        queue.Add(Step(40), now: 0);
        var news = Enumerable.Range(0, 4).Select(_ => queue.Add(Step(160), now: 1)).ToArray();
        Assert.Equal([false, false, false, true], news);
        Assert.Equal(4, queue.Take(now: 2, freeThreads: 1, _batch));
        Assert.All(_batch, step => Assert.Equal(160, step.Frames));
        Assert.Equal(1, queue.Count);
    }

    [Fact]
    public void A_rare_shape_does_not_starve_behind_full_batches_of_a_common_one()
    {
        var queue = new StepQueue(maxBatch: 4, maxCatchUpBatch: 4, maxWait: 10, ticksPerSecond: 1000);
        var rare = Step(40);
        queue.Add(rare, now: 0);
        for (var i = 0; i < 12; i++)
        {
            queue.Add(Step(160), now: 1);
        }
        Assert.Equal(1, queue.Take(now: 10, freeThreads: 1, _batch));
        Assert.Same(rare, _batch[0]);
    }

    [Fact]
    public void Long_steps_come_in_batches_that_take_no_longer_than_full_ones()
    {
        var queue = new StepQueue(maxBatch: 4, maxCatchUpBatch: 4, maxWait: 0, ticksPerSecond: 1000, fullFrames: 160);
        foreach (var (frames, size) in ((int, int)[])[(160, 4), (320, 2), (448, 1), (2048, 1), (32, 4)])
        {
            var steps = Enumerable.Range(0, 4).Select(_ => Step(frames)).ToArray();
            Array.ForEach(steps, step => queue.Add(step, now: 0));
            Assert.Equal(size, queue.Take(now: 0, freeThreads: 1, _batch));
            Array.ForEach(steps.Where(step => step.State == QueuedStepState.Waiting).ToArray(), queue.Remove);
        }
    }

    [Fact]
    public void Waiting_steps_are_shared_among_the_threads_that_are_free()
    {
        var queue = new StepQueue(maxBatch: 4, maxCatchUpBatch: 4, maxWait: 0, ticksPerSecond: 1000);
        for (var i = 0; i < 4; i++)
        {
            queue.Add(Step(160), now: 0);
        }
        Assert.Equal(2, queue.Take(now: 0, freeThreads: 2, _batch));
        Assert.Equal(2, queue.Take(now: 0, freeThreads: 1, _batch));
    }

    [Fact]
    public void A_step_can_be_removed_from_any_place()
    {
        foreach (var removed in new[] { 0, 1, 2 })
        {
            var queue = new StepQueue(maxBatch: 4, maxCatchUpBatch: 4, maxWait: 0, ticksPerSecond: 1000);
            QueuedStep[] steps = [Step(160), Step(160), Step(160)];
            foreach (var step in steps)
            {
                queue.Add(step, now: 0);
            }
            queue.Remove(steps[removed]);
            Assert.Equal(2, queue.Take(now: 0, freeThreads: 1, _batch));
            Assert.Equal(steps.Where((_, i) => i != removed), _batch[..2]);
            Assert.Equal((0, null), (queue.Count, queue.Oldest));
        }
    }

    private CountingStep Step(int frames)
    {
        var step = new CountingStep(_arena.TryRent()!);
        step.Shape(frames, Math.Min(frames, 96));
        return step;
    }
}
