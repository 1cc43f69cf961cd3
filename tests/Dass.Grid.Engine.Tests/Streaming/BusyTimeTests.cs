using System.Diagnostics;
using Dass.Grid.Engine.Streaming;

namespace Dass.Grid.Engine.Tests.Streaming;

public sealed class BusyTimeTests
{
    private static long At(double seconds) => (long)(seconds * Stopwatch.Frequency);

    [Fact]
    public void A_thread_that_ran_for_half_of_each_second_is_half_busy()
    {
        var busy = new BusyTime(threads: 1);
        for (var second = 100; second < 120; second++)
        {
            busy.Add(At(second + 0.25), At(second + 0.75));
        }
        Assert.Equal(0.5, busy.Share(At(120), [0]), 3);
        Assert.Equal(0.25, busy.Share(At(125), [0]), 3); // five of the last ten seconds were idle
        Assert.Equal(0, busy.Share(At(140), [0]), 3);
    }

    [Fact]
    public void Threads_share_the_device()
    {
        var busy = new BusyTime(threads: 2);
        busy.Add(At(100), At(110));
        Assert.Equal(0.5, busy.Share(At(110), [0, 0]), 3);
        busy.Add(At(100), At(110));
        Assert.Equal(1, busy.Share(At(110), [0, 0]), 3);
    }

    [Fact]
    public void A_batch_that_hangs_is_busy()
    {
        var busy = new BusyTime(threads: 1);
        Assert.Equal(1, busy.Share(At(160), [At(100)]), 3);
        Assert.Equal(0.3, busy.Share(At(110), [At(107)]), 3);
    }

    [Fact]
    public void A_batch_longer_than_the_window_counts_for_all_of_it()
    {
        var busy = new BusyTime(threads: 1);
        busy.Add(At(10), At(100));
        Assert.Equal(1, busy.Share(At(100), [0]), 3);
    }
}
