using Dass.Grid.Gateway.Protocol;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Dass.Grid.Gateway.Tenants;

/// <summary>The tenants that use this gateway now, and the leases of their shares of the limits.</summary>
internal sealed partial class TenantQuotas(
    IGrainFactory grains, TenantKeys keys, TimeProvider time, ILogger<TenantQuotas> logger) : BackgroundService
{
    private const int MaxBlock = 16; // subscribers that a gateway may take beyond those that it has
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan PlacePatience = TimeSpan.FromSeconds(3); // other gateways renew meanwhile
    private static readonly TimeSpan PlacePause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestClipPause = TimeSpan.FromMilliseconds(250);
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
            // A call that began long ago has its caller's limits of then.
            (quota.Limits, quota.Asked) = (keys.LimitsOf(caller.Tenant) ?? caller.Limits, time.GetTimestamp());
            return quota;
        }
    }

    /// <summary>Takes one more subscriber of the tenant; <see cref="TenantQuota.ReleaseSubscriber"/> gives it back.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: the tenant's quota is reached.</exception>
    public async Task<TenantQuota> AcquireSubscriberAsync(Caller caller, CancellationToken cancellationToken)
    {
        var quota = For(caller);
        if (quota.TryAcquireSubscriber())
        {
            return quota;
        }
        var began = time.GetTimestamp();
        quota.BeginWait();
        try
        {
            while (true)
            {
                var (isIn, listening) = await LeaseSubscriberAsync(caller.Tenant, quota, cancellationToken);
                if (isIn)
                {
                    return quota;
                }
                // The quota may be given to gateways whose subscribers have not come: those give it back when they renew.
                var limit = quota.Limits.Subscribers ?? int.MaxValue;
                if (listening >= limit || time.GetElapsedTime(began) > PlacePatience)
                {
                    throw ProtocolErrors.Subscribers(limit, listening);
                }
                await Task.Delay(PlacePause, time, cancellationToken);
            }
        }
        finally
        {
            quota.EndWait();
        }
    }

    /// <summary>
    /// Waits until a recording may be taken in: its audio is of the rate that live streams leave, as that of streams that catch up.
    /// </summary>
    /// <param name="caller">Of the recording.</param>
    /// <param name="seconds">Of audio.</param>
    /// <param name="patience">Longest wait.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: it would wait for longer.</exception>
    public async Task TakeClipAsync(Caller caller, double seconds, TimeSpan patience, CancellationToken cancellationToken)
    {
        var quota = For(caller);
        if (quota.Limits.AudioRate is not { } rate)
        {
            return;
        }
        if (!quota.WantSpare())
        {
            await LeaseAsync(caller.Tenant, quota, cancellationToken); // the last one was for no call that wants spare rate
        }
        if (!quota.TryQueueClip(seconds, patience, out var wait))
        {
            throw ProtocolErrors.ClipRate(rate, wait, patience);
        }
        var began = time.GetTimestamp();
        try
        {
            while (seconds > 1e-9)
            {
                var taken = quota.TakeSpare(seconds);
                quota.UnqueueClip(taken);
                seconds -= taken;
                if (seconds > 1e-9)
                {
                    if (time.GetElapsedTime(began) > patience)
                    {
                        throw ProtocolErrors.ClipRate(rate, wait, patience); // others have taken what there was
                    }
                    var pause = TimeSpan.FromSeconds(Math.Max(0.01, seconds / rate));
                    await Task.Delay(pause < LongestClipPause ? pause : LongestClipPause, time, cancellationToken);
                }
            }
        }
        finally
        {
            quota.UnqueueClip(seconds);
        }
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
                    quota.Limits = keys.LimitsOf(tenant) ?? quota.Limits;
                }
                leased = [.. _quotas.Where(entry => entry.Value.NeedsLease)];
            }
            await Task.WhenAll(leased.Select(async entry =>
            {
                try
                {
                    await LeaseAsync(entry.Key, entry.Value, stoppingToken);
                }
                catch (Exception failure)
                {
                    LogNoLease(entry.Key, failure.Message);
                }
            }));
        }
    }

    /// <returns>Whether one more subscriber has been let in; and how many listen, over all gateways, as far as it is known.</returns>
    private async Task<(bool IsIn, int Listening)> LeaseSubscriberAsync(
        string tenant, TenantQuota quota, CancellationToken cancellationToken)
    {
        await quota.Asking.WaitAsync(cancellationToken);
        try
        {
            if (quota.TryAcquireSubscriber())
            {
                return (true, 0); // another call's lease has brought a place for this one
            }
            var lease = await AskAsync(tenant, quota);
            return (quota.TryAcquireSubscriber(), lease.SubscribersInAll);
        }
        finally
        {
            quota.Asking.Release();
        }
    }

    private async Task LeaseAsync(string tenant, TenantQuota quota, CancellationToken cancellationToken)
    {
        await quota.Asking.WaitAsync(cancellationToken);
        try
        {
            await AskAsync(tenant, quota);
        }
        finally
        {
            quota.Asking.Release();
        }
    }

    /// <summary>One at a time for each tenant: an older answer must not replace a newer one.</summary>
    private async Task<QuotaLease> AskAsync(string tenant, TenantQuota quota)
    {
        var block = Math.Clamp((quota.Limits.Subscribers ?? int.MaxValue) / 8, 1, MaxBlock);
        try
        {
            var lease = await grains.GetGrain<ITenantGrain>(tenant).Lease(quota.Report(_gateway, block), quota.Limits);
            quota.Renew(lease);
            return lease;
        }
        catch
        {
            quota.Keep();
            throw;
        }
    }
}
