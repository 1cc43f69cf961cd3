namespace Dass.Grid.Gateway.Tenants;

/// <summary>What one tenant uses of its limits through this gateway. Thread-safe.</summary>
internal sealed class TenantQuota(TimeProvider time)
{
    /// <summary>A call that has waited for spare rate is taken to want more of it for this long.</summary>
    private static readonly TimeSpan WantsSpare = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private QuotaLease _lease = new(0, 0, 0);
    private double _spare; // seconds of audio that may be taken beyond the streams' own rate
    private long _filled = time.GetTimestamp();
    private int _calls;
    private int _subscribers;
    private long _wanted; // when a call last had to wait for spare rate

    public TenantLimits Limits { get; set; } = TenantLimits.None;

    /// <summary>Timestamp of the last call that took it.</summary>
    public long Asked { get; set; }

    public bool IsEmpty => _calls == 0 && _subscribers == 0;

    /// <summary>Whether limits are shared with other gateways, by a lease that has to be renewed.</summary>
    public bool NeedsLease => Limits.AudioRate is not null || Limits.Subscribers is not null;

    /// <param name="gateway">Name of this gateway.</param>
    /// <param name="block">Subscribers that it asks for beyond those that it has.</param>
    public GatewayUse Report(string gateway, int block)
    {
        var wanted = Volatile.Read(ref _wanted);
        var wantsSpare = wanted != 0 && time.GetElapsedTime(wanted) < WantsSpare;
        return new GatewayUse(gateway, _calls, wantsSpare, _subscribers, _subscribers + block);
    }

    public void Renew(QuotaLease lease)
    {
        lock (_gate)
        {
            _lease = lease;
        }
    }

    public void BeginCall() => Interlocked.Increment(ref _calls);

    public void EndCall() => Interlocked.Decrement(ref _calls);

    /// <returns>Whether the lease holds one more; the caller then releases it once.</returns>
    public bool TryAcquireSubscriber()
    {
        lock (_gate)
        {
            if (Limits.Subscribers is not null && _subscribers >= _lease.Subscribers)
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
            var filled = _spare + _lease.SpareRate * time.GetElapsedTime(_filled).TotalSeconds;
            _spare = Math.Min(_lease.SpareRate, filled); // a second's worth at most
            _filled = time.GetTimestamp();
            var taken = Math.Min(seconds, _spare);
            _spare -= taken;
            return taken;
        }
    }
}
