using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Runtime.Services;
using Orleans.Services;

namespace Dass.Grid.Grains.Placement;

[Alias("dass.ILoadService")]
public interface ILoadService : IGrainService
{
    [Alias("Report"), OneWay]
    Task Report(SiloAddress silo, SiloLoad load);

    /// <summary>Orders this silo to drain, or calls that off.</summary>
    [Alias("SetDraining")]
    Task SetDraining(bool draining);
}

/// <summary>Calls the load services of other silos.</summary>
public sealed class LoadServiceClient(IServiceProvider services) : GrainServiceClient<ILoadService>(services)
{
    public Task ReportAsync(SiloAddress to, SiloAddress silo, SiloLoad load) => GetGrainService(to).Report(silo, load);

    public Task SetDrainingAsync(SiloAddress to, bool draining) => GetGrainService(to).SetDraining(draining);
}

/// <summary>
/// Takes the reports of other silos. On every silo, gateways too: the silo that sends a stream's first message places it.
/// </summary>
[Reentrant]
public sealed class LoadService(GrainId id, Silo silo, ILoggerFactory loggers, LoadMap map, DrainOrder order)
    : GrainService(id, silo, loggers), ILoadService
{
    public Task Report(SiloAddress silo, SiloLoad load)
    {
        map.Report(silo, load);
        return Task.CompletedTask;
    }

    public Task SetDraining(bool draining)
    {
        order.Set(draining);
        return Task.CompletedTask;
    }
}
