using Microsoft.Extensions.Options;

namespace Dass.Grid.Grains.Tenants;

/// <summary>
/// Limits how many streams this silo looks up in the store, all tenants together: each costs a checkpoint's read. Thread-safe.
/// </summary>
public sealed class LookupRateLimiter(IOptions<TenantListOptions> options, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly int _perSecond = options.Value.LookupsPerSecond;
    private readonly double _most = Math.Max(1, options.Value.LookupsPerSecond * options.Value.ListInterval.TotalSeconds);
    private long _asked = time.GetTimestamp();
    private double _left = 1;

    /// <returns>Up to <paramref name="wanted"/>.</returns>
    public int Acquire(int wanted)
    {
        lock (_gate)
        {
            var now = time.GetTimestamp();
            (_left, _asked) = (Math.Min(_most, _left + time.GetElapsedTime(_asked, now).TotalSeconds * _perSecond), now);
            var taken = Math.Min(wanted, (int)_left);
            _left -= taken;
            return taken;
        }
    }
}
