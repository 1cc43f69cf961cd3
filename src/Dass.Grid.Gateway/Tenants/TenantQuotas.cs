using Dass.Grid.Gateway.Protocol;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Dass.Grid.Gateway.Tenants;

/// <summary>The tenants that use this gateway now, and the leases of their shares of the limits.</summary>
internal sealed partial class TenantQuotas(
    IGrainFactory grains, TimeProvider time, ILogger<TenantQuotas> logger) : BackgroundService
{
    private const int MaxBlock = 16; // subscribers that a gateway may take beyond those that it has
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(1);

    private readonly string _gateway = Guid.NewGuid().ToString("N");
    private readonly Lock _gate = new();
    private readonly Dictionary<string, TenantQuota> _quotas = new(StringComparer.Ordinal);

    public TenantQuota For(Caller caller)
    {
        lock (_gate)
        {
            if (!_quotas.TryGetValue(caller.Tenant, out var quota))
            {
                _quotas.Add(caller.Tenant, quota = new TenantQuota(time));
            }
            (quota.Limits, quota.Asked) = (caller.Limits, time.GetTimestamp());
            return quota;
        }
    }

    /// <summary>Takes one more subscriber of the tenant; <see cref="TenantQuota.ReleaseSubscriber"/> gives it back.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: the tenant's quota is reached.</exception>
    public async Task<TenantQuota> AcquireSubscriberAsync(Caller caller)
    {
        var quota = For(caller);
        if (quota.TryAcquireSubscriber())
        {
            return quota;
        }
        var lease = await LeaseAsync(caller.Tenant, quota);
        return quota.TryAcquireSubscriber()
            ? quota
            : throw ProtocolErrors.Subscribers(caller.Limits.Subscribers ?? 0, lease.SubscribersInAll);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Renewal, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            KeyValuePair<string, TenantQuota>[] leased;
            lock (_gate)
            {
                foreach (var (tenant, quota) in _quotas)
                {
                    if (quota.IsEmpty && time.GetElapsedTime(quota.Asked) > Idle)
                    {
                        _quotas.Remove(tenant); // which a dictionary allows while it is enumerated
                    }
                }
                leased = [.. _quotas.Where(entry => entry.Value.NeedsLease)];
            }
            await Task.WhenAll(leased.Select(async entry =>
            {
                try
                {
                    await LeaseAsync(entry.Key, entry.Value);
                }
                catch (Exception failure)
                {
                    LogNoLease(entry.Key, failure.Message);
                }
            }));
        }
    }

    private async Task<QuotaLease> LeaseAsync(string tenant, TenantQuota quota)
    {
        var block = Math.Clamp((quota.Limits.Subscribers ?? int.MaxValue) / 8, 1, MaxBlock);
        var lease = await grains.GetGrain<ITenantGrain>(tenant).Lease(quota.Report(_gateway, block), quota.Limits);
        quota.Renew(lease);
        return lease;
    }
}
