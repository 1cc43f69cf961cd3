using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Grains.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Durability;

public sealed class DeviceWatchdogTests
{
    [Fact]
    public async Task A_device_that_hangs_ends_its_silo_and_a_slow_one_does_not()
    {
        var (time, running, looks, end) = (new FakeTimeProvider(), TimeSpan.FromSeconds(59), 0, new TaskCompletionSource<string>());
        IEnumerable<(string, TimeSpan)> Look()
        {
            Interlocked.Increment(ref looks);
            return [("tiny", running)];
        }
        async Task LaterAsync()
        {
            time.Advance(TimeSpan.FromSeconds(15));
            await Task.Yield();
        }
        using var watchdog = new DeviceWatchdog(Look, TimeSpan.FromSeconds(60), end.SetResult, time, NullLogger<DeviceWatchdog>.Instance);
        await watchdog.StartAsync(CancellationToken.None);
        await TestGrid.UntilAsync(() => Volatile.Read(ref looks) >= 2, LaterAsync); // who looks again has not ended at the first
        Assert.False(end.Task.IsCompleted);

        running = TimeSpan.FromSeconds(61);
        await TestGrid.UntilAsync(() => end.Task.IsCompleted, LaterAsync);
        Assert.Contains("'tiny' has been at one batch for 61 s", await end.Task, StringComparison.Ordinal);
    }
}
