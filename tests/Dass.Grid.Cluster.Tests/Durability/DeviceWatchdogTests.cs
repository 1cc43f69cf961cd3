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
        using var watchdog = new DeviceWatchdog(Look, TimeSpan.FromSeconds(60), end.SetResult, time, NullLogger<DeviceWatchdog>.Instance);
        await watchdog.StartAsync(CancellationToken.None);
        while (Volatile.Read(ref looks) < 2) // who looks again has not ended at the first
        {
            time.Advance(TimeSpan.FromSeconds(15));
            await Task.Yield();
        }
        Assert.False(end.Task.IsCompleted);

        running = TimeSpan.FromSeconds(61);
        while (!end.Task.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(15));
            await Task.Yield();
        }
        Assert.Contains("'tiny' has been at one batch for 61 s", await end.Task, StringComparison.Ordinal);
    }
}
