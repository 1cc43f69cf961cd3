using Dass.Grid.Gateway.Protocol;
using Microsoft.Extensions.Logging;

namespace Dass.Grid.Gateway.Tenants;

/// <summary>What one tenant uses of its limits through this gateway. Thread-safe.</summary>
internal sealed class TenantQuota(TimeProvider time)
{
    private readonly Lock _gate = new();
    private QuotaLease _allowance = new(0, 0, 0);
    private double _spare; // seconds of audio that may be taken beyond the streams' own rate
    private long _filled = time.GetTimestamp();
    private int _calls;
    private int _subscribers;
    private long _wanted; // when somebody last had to wait for spare rate

    public TenantLimits Limits { get; set; } = TenantLimits.None;

    /// <summary>When somebody last asked for it.</summary>
    public long Asked { get; set; }

    public bool IsEmpty => _calls == 0 && _subscribers == 0;

    /// <summary>Whether the grid has to be asked now and then.</summary>
    public bool NeedsLease => Limits.AudioRate is not null || Limits.Subscribers is not null;

    public GatewayUse Report(string gateway, int block) => new(
        gateway, _calls, _wanted != 0 && time.GetElapsedTime(Volatile.Read(ref _wanted)) < TimeSpan.FromSeconds(5), _subscribers, _subscribers + block);

    public void Renew(QuotaLease allowance)
    {
        lock (_gate)
        {
            _allowance = allowance;
        }
    }

    public void BeginCall() => Interlocked.Increment(ref _calls);

    public void EndCall() => Interlocked.Decrement(ref _calls);

    /// <returns>Whether the allowance holds one more; the caller then leaves once.</returns>
    public bool TryAcquireSubscriber()
    {
        lock (_gate)
        {
            if (Limits.Subscribers is not null && _subscribers >= _allowance.Subscribers)
            {
                return false;
            }
            _subscribers++;
            return true;
        }
    }

    public void ReleaseSubscriber()
    {
        lock (_gate)
        {
            _subscribers--;
        }
    }

    /// <summary>Takes up to <paramref name="seconds"/> of audio from what no stream is granted of its own.</summary>
    /// <returns>What was taken.</returns>
    public double TakeSpare(double seconds)
    {
        lock (_gate)
        {
            Volatile.Write(ref _wanted, time.GetTimestamp());
            _spare = Math.Min(_allowance.SpareRate, _spare + _allowance.SpareRate * time.GetElapsedTime(_filled).TotalSeconds); // a second's worth at most
            _filled = time.GetTimestamp();
            var taken = Math.Min(seconds, _spare);
            _spare -= taken;
            return taken;
        }
    }
}

/// <summary>The rate at which one call's audio is taken in: the second per second that a live stream is granted, and the tenant's spare rate beyond.</summary>
internal sealed class AudioRateLimiter(TenantQuota use, TimeProvider time)
{
    /// <summary>Audio that may come at once, e.g. after a pause of the network.</summary>
    private const double BurstSeconds = 5;

    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(0.25);

    private double _own = BurstSeconds;
    private long _filled = time.GetTimestamp();

    /// <summary>Most audio of the call that may be kept.</summary>
    public int RetainedBytes => use.Limits.RetainedBytes ?? int.MaxValue;

    /// <summary>See <see cref="TenantLimits.Weight"/>.</summary>
    public double? Weight => use.Limits.Weight;

    /// <summary>Waits until this much audio may be taken in.</summary>
    public async ValueTask TakeAsync(double seconds, CancellationToken cancellationToken)
    {
        while (use.Limits.AudioRate is not null)
        {
            _own = Math.Min(BurstSeconds, _own + time.GetElapsedTime(_filled).TotalSeconds);
            _filled = time.GetTimestamp();
            var own = Math.Min(_own, seconds);
            (_own, seconds) = (_own - own, seconds - own);
            if (seconds > 0)
            {
                seconds -= use.TakeSpare(seconds);
            }
            if (seconds <= 1e-9)
            {
                return;
            }
            var pause = TimeSpan.FromSeconds(seconds);
            await Task.Delay(pause < LongestPause ? pause : LongestPause, time, cancellationToken);
        }
    }
}

/// <summary>The tenants that use this gateway now, and the leases of their shares of the limits.</summary>
internal sealed partial class TenantQuotas(IGrainFactory grains, TimeProvider time, ILogger<TenantQuotas> logger) : Microsoft.Extensions.Hosting.BackgroundService
{
    private const int MaxBlock = 16; // subscribers that a gateway may take beyond those that it has
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(1);

    private readonly string _gateway = Guid.NewGuid().ToString("N");
    private readonly Lock _gate = new();
    private readonly Dictionary<string, TenantQuota> _uses = new(StringComparer.Ordinal);

    public TenantQuota For(Caller caller)
    {
        lock (_gate)
        {
            if (!_uses.TryGetValue(caller.Tenant, out var use))
            {
                _uses.Add(caller.Tenant, use = new TenantQuota(time));
            }
            (use.Limits, use.Asked) = (caller.Limits, time.GetTimestamp());
            return use;
        }
    }

    /// <summary>Lets one more subscriber of the tenant in.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: the tenant's quota is reached.</exception>
    public async Task<TenantQuota> AcquireSubscriberAsync(Caller caller)
    {
        var use = For(caller);
        if (use.TryAcquireSubscriber())
        {
            return use;
        }
        var allowance = await LeaseAsync(caller.Tenant, use);
        return use.TryAcquireSubscriber() ? use : throw ProtocolErrors.Subscribers(caller.Limits.Subscribers ?? 0, allowance.SubscribersInAll);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Renewal, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            KeyValuePair<string, TenantQuota>[] uses;
            lock (_gate)
            {
                foreach (var idle in _uses.Where(entry => entry.Value.IsEmpty && time.GetElapsedTime(entry.Value.Asked) > Idle).Select(entry => entry.Key).ToArray())
                {
                    _uses.Remove(idle);
                }
                uses = [.. _uses.Where(entry => entry.Value.NeedsLease)];
            }
            await Task.WhenAll(uses.Select(async entry =>
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

    private async Task<QuotaLease> LeaseAsync(string tenant, TenantQuota use)
    {
        var block = Math.Clamp((use.Limits.Subscribers ?? int.MaxValue) / 8, 1, MaxBlock);
        var allowance = await grains.GetGrain<ITenantGrain>(tenant).Lease(use.Report(_gateway, block), use.Limits);
        use.Renew(allowance);
        return allowance;
    }

    [LoggerMessage(LogLevel.Warning, "The shares of tenant {Tenant} could not be renewed; this gateway goes on with those that it has. {Failure}")]
    private partial void LogNoLease(string tenant, string failure);
}
