using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Dass.Grid.Grains.Tenants;

/// <summary>
/// Has the lists of tenants woken again and again: the silo that held them may be gone, and with it streams whose clients do not come back.
/// </summary>
public sealed partial class TenantWaker(IGrainFactory grains, TimeProvider time, ILogger<TenantWaker> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await grains.GetGrain<ITenantIndexGrain>(0).Wake();
            }
            catch (Exception failure)
            {
                LogAsleep(failure.Message);
            }
        }
    }
}
