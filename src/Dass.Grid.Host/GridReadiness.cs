using Dass.Grid.Contracts;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Dass.Grid.Host;

/// <summary>Ready when a silo with models begins a grain, and this process is not stopping.</summary>
internal sealed class GridReadiness(IGrainFactory grains, IHostApplicationLifetime lifetime) : IHealthCheck
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return HealthCheckResult.Unhealthy("The process is stopping.");
        }
        try
        {
            // One of its own each time: a grain that is there answers also when the silo can begin no other.
            var models = await grains.GetGrain<IModelCatalogGrain>(Random.Shared.NextInt64()).List().WaitAsync(Patience, cancellationToken);
            return HealthCheckResult.Healthy($"Models: {string.Join(", ", models.Select(model => model.Name))}.");
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            return HealthCheckResult.Unhealthy("No silo with models answers.", failure);
        }
    }
}
