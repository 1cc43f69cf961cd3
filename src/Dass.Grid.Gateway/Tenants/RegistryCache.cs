using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Dass.Grid.Gateway.Tenants;

/// <summary>This gateway's copy of the registry, two seconds old at most while the registry can be reached.</summary>
internal sealed partial class RegistryCache(IGrainFactory grains, TimeProvider time, ILogger<RegistryCache> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private volatile Registry? _registry;

    /// <summary>Null until it has been read once.</summary>
    public Registry? Current => _registry;

    /// <summary>After a newer registry has become <see cref="Current"/>, on any thread.</summary>
    public event Action? Changed;

    /// <summary>Reads the registry now.</summary>
    public async Task RefreshAsync()
    {
        if (await grains.GetGrain<IRegistryGrain>(0).Get(_registry?.Version ?? -1) is { } newer
            && newer.Version > (_registry?.Version ?? -1))
        {
            _registry = newer;
            Changed?.Invoke();
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            try
            {
                await RefreshAsync().WaitAsync(stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                LogUnreachable(_registry?.Version ?? -1, failure.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }
}
