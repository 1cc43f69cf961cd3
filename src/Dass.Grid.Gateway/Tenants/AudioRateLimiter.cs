namespace Dass.Grid.Gateway.Tenants;

/// <summary>
/// The rate at which one call's audio is taken in: the second per second that a live stream is granted, and the tenant's spare rate beyond.
/// </summary>
internal sealed class AudioRateLimiter(TenantQuota quota, TimeProvider time)
{
    /// <summary>Audio that may come at once, e.g. after a pause of the network.</summary>
    private const double BurstSeconds = 5;

    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(0.25);

    private double _own = BurstSeconds;
    private long _filled = time.GetTimestamp();

    /// <summary>Most audio of the call that may be kept.</summary>
    public int RetainedBytes => quota.Limits.RetainedBytes ?? int.MaxValue;

    /// <summary>See <see cref="TenantLimits.Weight"/>.</summary>
    public double? Weight => quota.Limits.Weight ?? 1;

    /// <summary>Waits until this much audio may be taken in.</summary>
    public async ValueTask TakeAsync(double seconds, CancellationToken cancellationToken)
    {
        while (quota.Limits.AudioRate is not null)
        {
            _own = Math.Min(BurstSeconds, _own + time.GetElapsedTime(_filled).TotalSeconds);
            _filled = time.GetTimestamp();
            var own = Math.Min(_own, seconds);
            (_own, seconds) = (_own - own, seconds - own);
            if (seconds > 0)
            {
                seconds -= quota.TakeSpare(seconds);
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
