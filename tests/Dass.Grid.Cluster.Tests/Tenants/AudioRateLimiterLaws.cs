using CsCheck;
using Dass.Grid.Contracts;
using Dass.Grid.Gateway.Tenants;

namespace Dass.Grid.Cluster.Tests.Tenants;

/// <summary>The rate of a tenant's audio, over arrivals of any size at any time.</summary>
public sealed class AudioRateLimiterLaws
{
    private const double Burst = 5; // seconds of audio that each call may take at once
    private const double LongestPause = 0.25;
    private const double Small = 1e-4;

    private static readonly Gen<(double Gap, double Seconds)[]> Arrivals = Gen.Select(Gen.Double[0, 3], Gen.Double[0.01, 4]).Array[1, 60];

    [Fact]
    public void Calls_together_take_no_more_than_their_own_rate_and_the_spare_one() =>
        Gen.Select(Arrivals, Gen.Int[1, 4], Gen.Double[0, 8]).Sample((arrivals, calls, spare) =>
        {
            var (time, use) = Begin(spare);
            var allowances = Enumerable.Range(0, calls).Select(_ => new AudioRateLimiter(use, time)).ToArray();
            var taken = new double[calls];
            for (var i = 0; i < arrivals.Length; i++)
            {
                time.Pass(arrivals[i].Gap);
                Take(allowances[i % calls], arrivals[i].Seconds);
                taken[i % calls] += arrivals[i].Seconds;
                Assert.True(
                    taken.Sum() <= (calls * (Burst + time.Seconds)) + (spare * time.Seconds) + Small,
                    $"{taken.Sum():F3} s of audio were taken in {time.Seconds:F3} s by {calls} calls with {spare:F3} s/s to spare.");
            }
        });

    [Fact]
    public void A_call_waits_no_longer_than_it_must() =>
        Gen.Select(Arrivals, Gen.Double[0, 8]).Sample((arrivals, spare) =>
        {
            var (time, use) = Begin(spare);
            var allowance = new AudioRateLimiter(use, time);
            foreach (var (gap, seconds) in arrivals)
            {
                time.Pass(gap);
                var before = time.Seconds;
                Take(allowance, seconds);
                Assert.InRange(time.Seconds - before, 0, (seconds / (1 + spare)) + LongestPause + Small);
            }
        });

    [Fact]
    public void A_call_of_a_tenant_without_a_limit_never_waits() => Arrivals.Sample(arrivals =>
    {
        var time = new JumpingTime();
        var allowance = new AudioRateLimiter(new TenantQuota(time), time);
        foreach (var (_, seconds) in arrivals)
        {
            Take(allowance, 100 * seconds);
        }
        Assert.InRange(time.Seconds, 0, Small * arrivals.Length);
    });

    private static (JumpingTime Time, TenantQuota Use) Begin(double spare)
    {
        var time = new JumpingTime();
        var use = new TenantQuota(time) { Limits = new TenantLimits { AudioRate = 1 + spare } };
        use.Renew(new QuotaLease(spare, 0, 0));
        return (time, use);
    }

    private static void Take(AudioRateLimiter allowance, double seconds)
    {
        var taking = allowance.TakeAsync(seconds, CancellationToken.None);
        Assert.True(taking.IsCompletedSuccessfully, "Time jumps to the end of every wait, so there is none.");
    }

    /// <summary>A clock that is where a timer wants it as soon as the timer is made: waits take no real time.</summary>
    private sealed class JumpingTime : TimeProvider
    {
        private long _ticks;

        public double Seconds => (double)_ticks / TimeSpan.TicksPerSecond;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks++; // as any clock, it goes on while one looks

        public void Pass(double seconds) => _ticks += (long)(seconds * TimeSpan.TicksPerSecond);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _ticks += dueTime.Ticks;
            callback(state);
            return new Rung();
        }

        private sealed class Rung : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => default;
        }
    }
}
