using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Dass.Grid.Grains.Models;

/// <summary>
/// Ends a silo whose device hangs: it still answers probes, so no other silo would notice. A running batch cannot be taken back, and the
/// streams can go on elsewhere from their checkpoints.
/// </summary>
/// <param name="running">For each model, how long its oldest batch has been running.</param>
/// <param name="stuckAfter">Longest time that a batch may take.</param>
/// <param name="end">Ends the process at once: an orderly stop would wait for the batch.</param>
/// <param name="time">The grid's clock.</param>
/// <param name="logger">Gets the reason before the process ends.</param>
public sealed partial class DeviceWatchdog(
    Func<IEnumerable<(string Model, TimeSpan Running)>> running,
    TimeSpan stuckAfter,
    Action<string> end,
    TimeProvider time,
    ILogger<DeviceWatchdog> logger)
    : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(stuckAfter / 4, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            foreach (var (model, run) in running())
            {
                if (run >= stuckAfter)
                {
                    LogStuck(model, run.TotalSeconds);
                    end($"Model '{model}' has been at one batch for {run.TotalSeconds:F0} s (Grid:Streams:StuckAfter): its device hangs.");
                    return;
                }
            }
        }
    }
}
