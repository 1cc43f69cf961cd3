using Dass.Grid.Grains.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Durability;

public sealed class DeviceWatchdogTests
{
    [Fact]
    public async Task A_device_that_hangs_ends_its_silo_and_a_slow_one_does_not()
    {
        var (time, running, end) = (new FakeTimeProvider(), TimeSpan.FromSeconds(59), new TaskCompletionSource<string>());
        using var watchdog = new DeviceWatchdog(
            () => [("tiny", running)], TimeSpan.FromSeconds(60), end.SetResult, time, NullLogger<DeviceWatchdog>.Instance);
        await watchdog.StartAsync(CancellationToken.None);
        time.Advance(TimeSpan.FromSeconds(15));
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
