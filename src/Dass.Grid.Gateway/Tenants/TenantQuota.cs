namespace Dass.Grid.Gateway.Tenants;

/// <summary>What one tenant uses of its limits through this gateway. Thread-safe.</summary>
internal sealed class TenantQuota(TimeProvider time)
{
    /// <summary>A call that has waited for spare rate is taken to want more of it for this long.</summary>
    private static readonly TimeSpan WantsSpare = TimeSpan.FromSeconds(5);

    /// <summary>What sums of parts may differ by, in seconds of audio.</summary>
    private const double Rounding = 1e-6;

    private readonly Lock _gate = new();
    private QuotaLease _lease = new(0, 0, 0);
    private double _spare; // seconds of audio that may be taken beyond the streams' own rate
    private long _filled = time.GetTimestamp();
    private int _calls;
    private int _subscribers;
    private int _waiting; // subscribers
    private bool _asking; // for a lease: what has been reported must stay true until the answer comes
    private double _clips; // seconds of audio of recordings that wait for spare rate
    private long _wanted; // when a call last had to wait for spare rate

    public TenantLimits Limits { get; set; } = TenantLimits.None;

    /// <summary>Timestamp of the last call that took it.</summary>
    public long Asked { get; set; }

    public bool IsEmpty => _calls == 0 && _subscribers == 0 && _waiting == 0 && _clips <= Rounding;

    /// <summary>Whether limits are shared with other gateways, by a lease that has to be renewed.</summary>
    public bool NeedsLease => Limits.AudioRate is not null || Limits.Subscribers is not null;

    /// <summary>Held by the one call that asks for a lease.</summary>
    public SemaphoreSlim Asking { get; } = new(1);

    /// <summary>
    /// What is reported to get a lease. Until <see cref="Renew"/> or <see cref="Keep"/> no subscriber is let in: the lease that comes may
    /// be smaller.
    /// </summary>
    /// <param name="gateway">Name of this gateway.</param>
    /// <param name="block">Subscribers that it asks for beyond those that it has.</param>
    public GatewayUse Report(string gateway, int block)
    {
        var wanted = Volatile.Read(ref _wanted);
        var wantsSpare = wanted != 0 && time.GetElapsedTime(wanted) < WantsSpare;
        lock (_gate)
        {
            _asking = true;
            return new GatewayUse(gateway, _calls, wantsSpare, _subscribers, _subscribers + _waiting + block) { Waiting = _waiting };
        }
    }

    public void Renew(QuotaLease lease)
    {
        lock (_gate)
        {
            (_lease, _asking) = (lease, false);
        }
    }

    /// <summary>The lease stays as it was: the tenant's silo has not answered.</summary>
    public void Keep()
    {
        lock (_gate)
        {
            _asking = false;
        }
    }

    public void BeginCall() => Interlocked.Increment(ref _calls);

    public void EndCall() => Interlocked.Decrement(ref _calls);

    /// <returns>Whether the lease holds one more; the caller then releases it once.</returns>
    public bool TryAcquireSubscriber()
    {
        lock (_gate)
        {
            if (Limits.Subscribers is not null && (_asking || _subscribers >= _lease.Subscribers))
            {
                return false;
            }
            _subscribers++;
            return true;
        }
    }

    /// <summary>A subscriber waits for a place; the caller then ends the wait once.</summary>
    public void BeginWait()
    {
        lock (_gate)
        {
            _waiting++;
        }
    }

    public void EndWait()
    {
        lock (_gate)
        {
            _waiting--;
        }
    }

    public void ReleaseSubscriber()
    {
        lock (_gate)
        {
            _subscribers--;
        }
    }

    /// <summary>Marks that a call wants spare rate.</summary>
    /// <returns>Whether the lease has any.</returns>
    public bool WantSpare()
    {
        Volatile.Write(ref _wanted, time.GetTimestamp());
        lock (_gate)
        {
            return _lease.SpareRate > 0;
        }
    }

    /// <summary>Queues a recording behind those that wait for spare rate, unless that takes longer than the patience.</summary>
    /// <param name="seconds">Of audio; the caller takes all of it off the queue again.</param>
    /// <param name="patience">Longest wait.</param>
    /// <param name="wait">How long it takes at the rate of now; null: for ever.</param>
    public bool TryQueueClip(double seconds, TimeSpan patience, out TimeSpan? wait)
    {
        lock (_gate)
        {
            var rate = _lease.SpareRate;
            var ahead = Math.Max(0, _clips + seconds - rate); // a second's worth comes at once
            wait = rate > 0 && ahead / rate < TimeSpan.MaxValue.TotalSeconds ? TimeSpan.FromSeconds(ahead / rate) : null;
            if (!(wait <= patience))
            {
                return false;
            }
            _clips += seconds;
            return true;
        }
    }

    /// <summary>Takes audio of recordings off the queue.</summary>
    public void UnqueueClip(double seconds)
    {
        lock (_gate)
        {
            _clips -= seconds;
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
