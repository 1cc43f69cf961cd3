using Dass.Grid.Grains.Models;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Dass.Grid.Host;

/// <summary>
/// Neither ready nor alive once a device is lost: its streams are on other silos, and only a new process can have the device again.
/// </summary>
internal sealed class DeviceReadiness(ModelRegistry models) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (!models.Loss.IsCompleted)
        {
            return Task.FromResult(HealthCheckResult.Healthy());
        }
        var (model, reason) = models.Loss.Result;
        return Task.FromResult(HealthCheckResult.Unhealthy(
            $"The device {model.DeviceNames} of model '{model.Name}' is lost: {reason.Message} Restart this process."));
    }
}
