using Dass.Grid.Contracts;
using Dass.Grid.Grains;
using Dass.Grid.Grains.Streams;
using Dass.Grid.Grains.Tenants;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Tenants;

/// <summary>How several gateways share one tenant's limits. The grain needs no silo: it knows only its clock.</summary>
public sealed class TenantShareTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly TenantGrain _tenant;

    public TenantShareTests() => _tenant = new TenantGrain(
        Options.Create(new TenantListOptions()),
        Options.Create(new StreamGrainOptions()),
        new SteadyTime(_time),
        storage: null!,
        lookups: null!,
        NullLogger<TenantGrain>.Instance);

    [Fact]
    public async Task Gateways_together_never_get_more_subscribers_than_the_limit()
    {
        var limits = new TenantLimits { Subscribers = 100 };
        var random = new Random(1);
        var used = new int[5];
        var granted = new int[5];
        for (var step = 0; step < 2_000; step++)
        {
            var gateway = random.Next(used.Length);
            used[gateway] = random.Next(granted[gateway] + 1);
            granted[gateway] = (await LeaseAsync(gateway, used[gateway], used[gateway] + random.Next(40), limits)).Subscribers;
            Assert.True(granted[gateway] >= used[gateway], "A subscriber was taken away.");
            Assert.InRange(granted.Sum(), 0, 100);
        }
        Assert.True(granted.Sum() > 50, "Most of the limit lies unused.");
    }

    [Fact]
    public async Task A_gateway_gives_its_reserve_back_when_subscribers_of_another_wait()
    {
        var limits = new TenantLimits { Subscribers = 16 };
        Task<QuotaLease> Lease(string gateway, int used, int waiting) => _tenant.Lease(
            new GatewayUse(gateway, 0, CatchingUp: false, used, used + waiting + 2) { Waiting = waiting }, limits);
        Assert.Equal(10, (await Lease("a", 0, waiting: 8)).Subscribers);
        Assert.Equal(6, (await Lease("b", 0, waiting: 8)).Subscribers);
        Assert.Equal(8, (await Lease("a", 8, waiting: 0)).Subscribers);
        var last = await Lease("b", 6, waiting: 2);
        Assert.Equal((8, 14), (last.Subscribers, last.SubscribersInAll));
    }

    [Fact]
    public async Task The_share_of_a_gateway_that_is_gone_is_free_again()
    {
        var limits = new TenantLimits { Subscribers = 10 };
        Assert.Equal(10, (await LeaseAsync(0, 0, 16, limits)).Subscribers);
        Assert.Equal(0, (await LeaseAsync(1, 0, 16, limits)).Subscribers);
        _time.Advance(TimeSpan.FromSeconds(7));
        Assert.Equal(10, (await LeaseAsync(1, 0, 16, limits)).Subscribers);
    }

    [Fact]
    public async Task Spare_rate_is_what_live_calls_leave_and_only_for_those_who_want_it()
    {
        var limits = new TenantLimits { AudioRate = 20 };
        Task<QuotaLease> Lease(string gateway, int calls, bool catchingUp) =>
            _tenant.Lease(new GatewayUse(gateway, calls, catchingUp, 0, 0), limits);
        await Lease("a", 6, catchingUp: false);
        await Lease("b", 4, catchingUp: true);
        Assert.Equal(10, (await Lease("b", 4, catchingUp: true)).SpareRate);
        Assert.Equal(0, (await Lease("a", 6, catchingUp: false)).SpareRate);
        Assert.Equal(5, (await Lease("a", 6, catchingUp: true)).SpareRate);
        Assert.Equal(5, (await Lease("b", 4, catchingUp: true)).SpareRate);
    }

    [Fact]
    public async Task A_place_in_the_last_minute_is_free_when_the_minute_is_over()
    {
        var limits = new TenantLimits { NewStreamsPerMinute = 1 };
        Assert.True((await _tenant.Admit("a", limits)).Value!.IsNew);
        _time.Advance(TimeSpan.FromSeconds(20));
        var refusal = (await _tenant.Admit("b", limits)).Refusal!;
        Assert.Equal((RefusalCode.LimitReached, TimeSpan.FromSeconds(40)), (refusal.Code, refusal.RetryAfter));
        Assert.False((await _tenant.Admit("a", limits)).Value!.IsNew);
        _time.Advance(TimeSpan.FromSeconds(40));
        Assert.True((await _tenant.Admit("b", limits)).Value!.IsNew);
    }

    [Fact]
    public async Task A_stream_that_was_refused_has_not_begun_in_the_last_minute()
    {
        var limits = new TenantLimits { NewStreamsPerMinute = 1 };
        for (var attempt = 0; attempt < 3; attempt++)
        {
            Assert.True((await _tenant.Admit("a", limits)).Value!.IsNew);
            await _tenant.Withdraw("a");
        }
        Assert.True((await _tenant.Admit("b", limits)).Value!.IsNew);
        Assert.Equal(RefusalCode.LimitReached, (await _tenant.Admit("c", limits)).Refusal?.Code);
    }

    [Fact]
    public async Task A_stream_that_has_ended_or_fallen_silent_takes_no_place()
    {
        var limits = new TenantLimits { LiveStreams = 1 };
        await _tenant.Report(new StreamListing("a", "tiny", _time.GetUtcNow(), Ended: false));
        Assert.Equal(RefusalCode.LimitReached, (await _tenant.Admit("b", limits)).Refusal?.Code);
        await _tenant.Report(new StreamListing("a", "tiny", _time.GetUtcNow(), Ended: true));
        Assert.True((await _tenant.Admit("b", limits)).Value!.IsNew);
        _time.Advance(TimeSpan.FromMinutes(5));
        Assert.True((await _tenant.Admit("c", limits)).Value!.IsNew);
    }

    [Fact]
    public async Task A_stream_that_waits_in_the_store_keeps_its_place_until_its_time_is_over()
    {
        var limits = new TenantLimits { LiveStreams = 1 };
        var listing = new StreamListing("a", "tiny", _time.GetUtcNow(), Ended: false);
        await _tenant.Report(listing);
        await _tenant.Rest(new StreamRest(listing, _time.GetUtcNow()));
        _time.Advance(new StreamGrainOptions().IdleTimeout - TimeSpan.FromMinutes(1));
        Assert.Equal(RefusalCode.LimitReached, (await _tenant.Admit("b", limits)).Refusal?.Code);
        Assert.False((await _tenant.Admit("a", limits)).Value!.IsNew);
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.True((await _tenant.Admit("b", limits)).Value!.IsNew);
    }

    [Fact]
    public async Task A_call_that_is_given_up_keeps_the_place_of_a_stream_that_begins_all_the_same()
    {
        var limits = new TenantLimits { LiveStreams = 1 };
        await _tenant.Admit("a", limits);
        await _tenant.Withdraw("a");
        Assert.True((await _tenant.Admit("b", limits)).Value!.IsNew);
        await _tenant.Report(new StreamListing("b", "tiny", _time.GetUtcNow(), Ended: false));
        await _tenant.Withdraw("b");
        Assert.Equal(RefusalCode.LimitReached, (await _tenant.Admit("c", limits)).Refusal?.Code);
    }

    private Task<QuotaLease> LeaseAsync(int gateway, int used, int wanted, TenantLimits limits) =>
        _tenant.Lease(new GatewayUse($"gateway {gateway}", 0, CatchingUp: false, used, wanted), limits);
}
