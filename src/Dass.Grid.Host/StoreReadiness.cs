using Dass.Grid.Grains.Checkpoints;
using Dass.Grid.Grains.Storage;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Host;

/// <summary>
/// Ready unless the store has been away for longer than a checkpoint's interval: until then streams lose nothing that they would not lose
/// with it.
/// </summary>
internal sealed class StoreReadiness(StoreHealth store, IOptions<CheckpointOptions> checkpoints) : IHealthCheck
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        await store.ProbeAsync(Fresh, Patience, cancellationToken);
        var (away, failure) = store.Current;
        return away <= checkpoints.Value.CheckpointInterval
            ? HealthCheckResult.Healthy()
            : HealthCheckResult.Unhealthy($"The store has not answered for {away.TotalSeconds:F0} s: {failure}");
    }
}
