using Dass.Grid.Contracts;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Grains.Sessions;

namespace Dass.Grid.Cluster.Tests.Streams;

public sealed class ChunkPlanningTests
{
    private static readonly TimeSpan Chunk = TimeSpan.FromSeconds(0.96);
    private static readonly StreamShape Shape = new(
        new AudioShape(AudioEncoding.Pcm16, 16_000, 1),
        BytesPerFrame: 2,
        new ModelSummary("tiny", Hash: "", LabelCount: 527, Note: "", IsDefault: false),
        Chunk,
        LookAhead: TimeSpan.FromSeconds(0.64));

    [Theory]
    [InlineData(1, 3.0, 0.9, 2)] // busy: twice as long within the budget
    [InlineData(1, 2.5, 0.9, 1)] // 1.92 + 0.64 s do not fit
    [InlineData(1, 2.56, 1.0, 2)]
    [InlineData(1, 20.48, 0.84, 1)] // not busy
    [InlineData(2, 20.48, 1.0, 4)]
    [InlineData(8, 20.48, 1.0, 8)] // 15.36 s are longer than any chunk
    [InlineData(2, 3.0, 0.8, 2)] // with short chunks the device would be busy again
    [InlineData(2, 3.0, 0.5, 1)]
    [InlineData(4, 3.0, 1.0, 2)] // the budget has become less
    [InlineData(2, null, 1.0, 1)] // or there is none any more
    [InlineData(1, null, 1.0, 1)]
    public void Chunks_get_longer_while_the_device_is_busy(int times, double? budget, double busy, int expected)
    {
        var now = new ChunkPlan(Chunk, times * Chunk, 0);
        var change = ChunkPlanning.Change(
            now, Shape, budget is { } seconds ? TimeSpan.FromSeconds(seconds) : null, busy, frame: 4_800);
        Assert.Equal(expected * Chunk, change?.Next ?? now.Next);
        if (change is not null)
        {
            Assert.Equal((times * Chunk, 5_300), (change.Chunk, change.FromFrame));
        }
    }

    [Fact]
    public void A_change_waits_until_the_one_before_has_come()
    {
        var now = new ChunkPlan(Chunk, 2 * Chunk, 5_000);
        Assert.Null(ChunkPlanning.Change(now, Shape, TimeSpan.FromSeconds(10), busy: 1, frame: 4_992));
        Assert.NotNull(ChunkPlanning.Change(now, Shape, TimeSpan.FromSeconds(10), busy: 1, frame: 5_088));
    }

    [Fact]
    public void Load_that_stays_does_not_make_chunks_longer_and_shorter_in_turns()
    {
        foreach (var load in Enumerable.Range(1, 40).Select(tenth => tenth / 20.0)) // of a device, with chunks of the shape
        {
            var (plan, lengths) = (new ChunkPlan(Chunk, Chunk, 0), new List<TimeSpan>());
            for (var frame = 0; frame < 100_000; frame += 4_000)
            {
                var cost = (plan.Next + Shape.LookAhead) / plan.Next / ((Chunk + Shape.LookAhead) / Chunk);
                plan = ChunkPlanning.Change(plan, Shape, TimeSpan.FromSeconds(20), Math.Min(1, load * cost), frame) ?? plan;
                lengths.Add(plan.Next);
            }
            Assert.Single(lengths[^10..].Distinct());
            Assert.Equal(lengths.Order(), lengths);
        }
    }
}
