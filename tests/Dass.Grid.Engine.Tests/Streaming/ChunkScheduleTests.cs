using CsCheck;
using Dass.Grid.Engine.Streaming;

namespace Dass.Grid.Engine.Tests.Streaming;

public class ChunkScheduleTests
{
    [Fact]
    public void Every_frame_is_committed_once_by_steps_that_keep_the_rules() =>
        Gen.Select(Gen.Int[1, 12], Gen.Int[0, 300], Gen.Int[0, 2000]).Sample((columns, lookAhead, total) =>
        {
            var schedule = new ChunkSchedule(32 * columns, lookAhead);
            var done = 0;
            while (schedule.Next(total - done, ended: true) is (> 0, _) step)
            {
                var last = done + step.Committed == total;
                Assert.True(step.Committed % 32 == 0 || last);
                Assert.Equal(last ? step.Committed : Math.Min(step.Committed + lookAhead, total - done), step.Frames);
                Assert.Equal(Math.Min(32 * columns, total - done), step.Committed);
                done += step.Committed;
            }
            Assert.Equal(total, done);
        });

    [Theory]
    [InlineData(159, 0, 0)]
    [InlineData(160, 160, 96)]
    [InlineData(1000, 160, 96)]
    public void A_live_stream_waits_for_its_look_ahead(int available, int frames, int committed) =>
        Assert.Equal((frames, committed), new ChunkSchedule(96, 64).Next(available, ended: false));

    [Fact]
    public void An_offline_stream_takes_one_step_at_the_end()
    {
        var schedule = new StreamSessionOptions { Offline = true }.Schedule;
        Assert.Equal((0, 0), schedule.Next(100_000, ended: false));
        Assert.Equal((100_001, 100_001), schedule.Next(100_001, ended: true));
    }
}
