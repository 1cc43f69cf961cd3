using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Dass.Grid.Gateway.Tenants;

/// <summary>This gateway's copy of the register, two seconds old at most while the register can be reached.</summary>
internal sealed partial class RegistryCache(IGrainFactory grains, TimeProvider time, ILogger<RegistryCache> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private volatile Registry? _register;

    /// <summary>Null until it has been read once.</summary>
    public Registry? Current => _register;

    /// <summary>After a newer register has become <see cref="Current"/>, on any thread.</summary>
    public event Action? Changed;

    /// <summary>Reads the register now.</summary>
    public async Task RefreshAsync()
    {
        if (await grains.GetGrain<IRegistryGrain>(0).Get(_register?.Version ?? -1) is { } newer && newer.Version > (_register?.Version ?? -1))
        {
            _register = newer;
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
                LogUnreachable(_register?.Version ?? -1, failure.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(LogLevel.Warning, "The register of tenants and models cannot be read; version {Version} is used until it can. {Failure}")]
    private partial void LogUnreachable(long version, string failure);
}
