using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Contracts;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Tenants;

/// <summary>What a tenant may use, through a real grid.</summary>
public sealed class LimitsTests
{
    [Fact]
    public async Task One_live_stream_too_many_is_refused_and_the_others_go_on()
    {
        await using var grid = await StartAsync(("LiveStreams", "2"));
        using var one = await Feed.BeginAsync(grid.Client, Babble.Config("one"));
        var two = await Feed.BeginAsync(grid.Client, Babble.Config("two"));
        await TestGrid.RefusesAsync(
            StatusCode.ResourceExhausted, "quota live_streams is 2, and 2 are live", () => Feed.BeginAsync(
                grid.Client, Babble.Config("three")));

        // A client that comes back begins no stream, and one that ends its stream makes room.
        two.Dispose();
        using var again = await Feed.BeginAsync(grid.Client, Babble.Config("two"));
        await again.SendBabbleAsync(0, 16_000);
        await again.FinishAsync();
        using var three = await Feed.BeginAsync(grid.Client, Babble.Config("three"));
        await one.SendBabbleAsync(0, Babble.Samples);
        await BareSession.AssertEqualAsync(one.Tags, await one.FinishAsync());
    }

    [Fact]
    public async Task A_stream_that_could_not_begin_takes_no_place()
    {
        await using var grid = await StartAsync(("LiveStreams", "1"));
        var broken = Babble.Config("broken");
        broken.Format.SampleRateHz = 1;
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "sample rate is 1 Hz", () => Feed.BeginAsync(grid.Client, broken));
        await TestGrid.UntilAsync(async () => // the place is given back a little after the refusal
        {
            try
            {
                using var good = await Feed.BeginAsync(grid.Client, Babble.Config("good"));
                return true;
            }
            catch (RpcException taken) when (taken.StatusCode == StatusCode.ResourceExhausted)
            {
                return false;
            }
        });
    }

    [Fact]
    public async Task Streams_that_begin_too_often_are_told_when_to_come_back()
    {
        await using var grid = await StartAsync(("NewStreamsPerMinute", "2"));
        for (var i = 0; i < 2; i++)
        {
            using var feed = await Feed.BeginAsync(grid.Client, Babble.Config($"s{i}"));
            await feed.FinishAsync();
        }
        var refusal = await Assert.ThrowsAsync<RpcException>(() => Feed.BeginAsync(grid.Client, Babble.Config("s2")));
        Assert.Equal(StatusCode.ResourceExhausted, refusal.StatusCode);
        Assert.Contains("quota new_streams_per_minute is 2", refusal.Status.Detail, StringComparison.Ordinal);
        Assert.InRange(int.Parse(refusal.Trailers.GetValue("retry-after")!, System.Globalization.CultureInfo.InvariantCulture), 1, 60);
        Assert.Equal("new_streams_per_minute", refusal.Trailers.GetValue("dass-limit"));
        using var http = new HttpClient { BaseAddress = grid.Host.OperationsAddress };
        Assert.Contains("""dass_limit="new_streams_per_minute"} 1""", await http.GetStringAsync("/metrics"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Audio_beyond_the_rate_is_slowed_down_and_not_lost()
    {
        // 15 s of audio: 5 s may come at once, the rest at 1 s/s of the stream's own and 19 s/s of what no other stream uses.
        await using var grid = await StartAsync(("AudioRate", "20"));
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config("fast"));
        await feed.SendBabbleAsync(0, Babble.Samples);
        await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
    }

    [Fact]
    public async Task As_many_streams_are_live_as_the_audio_rate_feeds()
    {
        await using var grid = await StartAsync(("AudioRate", "1.5"));
        using var one = await Feed.BeginAsync(grid.Client, Babble.Config("one"));
        await TestGrid.RefusesAsync(
            StatusCode.ResourceExhausted, "quota audio_seconds_per_second is 1.5", () => Feed.BeginAsync(
                grid.Client, Babble.Config("two")));
    }

    [Fact]
    public async Task A_call_takes_in_its_own_second_per_second_and_no_more_when_there_is_nothing_to_spare()
    {
        var time = new FakeTimeProvider();
        var use = new TenantQuota(time) { Limits = new TenantLimits { AudioRate = 1 } };
        var allowance = new AudioRateLimiter(use, time);
        await allowance.TakeAsync(5, CancellationToken.None); // the burst

        var waiting = allowance.TakeAsync(2, CancellationToken.None).AsTask();
        for (var passed = 0.0; passed < 1.9; passed += 0.1)
        {
            time.Advance(TimeSpan.FromSeconds(0.1));
            await Task.Delay(5); // time to go wrong: nothing may happen, so there is no signal
            Assert.False(waiting.IsCompleted, $"Two seconds of audio were taken in after {passed + 0.1:F1} s.");
        }
        await TestGrid.UntilAsync(() => waiting.IsCompleted, () =>
        {
            time.Advance(TimeSpan.FromSeconds(0.1));
            return Task.Delay(5);
        });
        await waiting;
    }

    [Fact]
    public void A_weight_that_is_taken_back_is_1_again()
    {
        var caller = new Caller("anne", KeyId: null, new TenantLimits { Weight = 3 }, []);
        Assert.Equal(3, caller.Complete(new StreamSpec()).Weight);
        Assert.Equal(1, (caller with { Limits = TenantLimits.None }).Complete(new StreamSpec()).Weight);
        var time = new FakeTimeProvider();
        Assert.Equal(1, new AudioRateLimiter(new TenantQuota(time) { Limits = TenantLimits.None }, time).Weight);
    }

    [Fact]
    public void A_tenant_without_a_call_is_forgotten_however_its_recordings_seconds_add_up()
    {
        var use = new TenantQuota(new FakeTimeProvider()) { Limits = new TenantLimits { AudioRate = 1 } };
        use.Renew(new QuotaLease(SpareRate: 1, Subscribers: 0, SubscribersInAll: 0));
        Assert.True(use.TryQueueClip(0.1, TimeSpan.FromMinutes(1), out _));
        Assert.True(use.TryQueueClip(0.2, TimeSpan.FromMinutes(1), out _));
        Assert.False(use.IsEmpty);
        use.UnqueueClip(0.3); // which is a little less than 0.1 and 0.2
        Assert.True(use.IsEmpty);
    }

    [Fact]
    public async Task What_is_left_over_goes_to_who_catches_up()
    {
        var time = new FakeTimeProvider();
        var use = new TenantQuota(time) { Limits = new TenantLimits { AudioRate = 11 } };
        use.Renew(new QuotaLease(SpareRate: 10, Subscribers: 0, SubscribersInAll: 0));
        var allowance = new AudioRateLimiter(use, time);
        await allowance.TakeAsync(5, CancellationToken.None);
        time.Advance(TimeSpan.FromSeconds(1));
        await allowance.TakeAsync(11, CancellationToken.None).AsTask().WaitAsync(TimeSpan.FromSeconds(10));
        Assert.False(allowance.TakeAsync(1, CancellationToken.None).IsCompleted);
    }

    [Fact]
    public async Task One_subscriber_too_many_is_refused_until_one_leaves()
    {
        await using var grid = await StartAsync(("Subscribers", "1"));
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config("s"));
        using (var first = grid.Client.Subscribe(new SubscribeRequest { StreamId = "s" }, deadline: TestGrid.Deadline))
        {
            Assert.True(await first.ResponseStream.MoveNext(CancellationToken.None));
            using var second = grid.Client.Subscribe(new SubscribeRequest { StreamId = "s" }, deadline: TestGrid.Deadline);
            await TestGrid.RefusesAsync(
                StatusCode.ResourceExhausted,
                "quota subscribers is 1, and 1 listen",
                () => second.ResponseStream.MoveNext(CancellationToken.None));
        }
        await TestGrid.UntilAsync(async () => // the first one's call ends when the gateway sees it
        {
            using var third = grid.Client.Subscribe(new SubscribeRequest { StreamId = "s" }, deadline: TestGrid.Deadline);
            try
            {
                return await third.ResponseStream.MoveNext(CancellationToken.None);
            }
            catch (RpcException taken) when (taken.StatusCode == StatusCode.ResourceExhausted)
            {
                return false;
            }
        });
    }

    [Theory]
    [InlineData(2)]
    [InlineData(8)]
    [InlineData(16)]
    [InlineData(40)]
    public async Task Subscribers_that_come_together_are_let_in_up_to_the_quota(int quota)
    {
        await using var grid = await StartAsync(("Subscribers", $"{quota}"));
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config("s"));
        var calls = Enumerable.Range(0, quota)
            .Select(_ => grid.Client.Subscribe(new SubscribeRequest { StreamId = "s" }, deadline: TestGrid.Deadline)).ToArray();
        try
        {
            await Task.WhenAll(calls.Select(async call => Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None))));
            using var last = grid.Client.Subscribe(new SubscribeRequest { StreamId = "s" }, deadline: TestGrid.Deadline);
            await TestGrid.RefusesAsync(
                StatusCode.ResourceExhausted, $"quota subscribers is {quota}, and {quota} listen",
                () => last.ResponseStream.MoveNext(CancellationToken.None));
        }
        finally
        {
            Array.ForEach(calls, call => call.Dispose());
        }
    }

    [Fact]
    public async Task Single_recordings_take_the_tenants_audio_rate()
    {
        const int Rate = 4; // seconds per second
        await using var grid = await StartAsync(("AudioRate", $"{Rate}"), ("NewStreamsPerMinute", "1"));
        var clip = Clip(3);
        var began = TimeProvider.System.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => grid.Client.TagAsync(clip, deadline: TestGrid.Deadline).ResponseAsync));
        Assert.InRange(TimeProvider.System.GetElapsedTime(began).TotalSeconds, (12.0 - Rate) / Rate, 60); // a second's worth comes at once

        // What cannot be taken in before the deadline is refused at once.
        var refusal = await Assert.ThrowsAsync<RpcException>(
            async () => await grid.Client.TagAsync(Clip(15), deadline: DateTime.UtcNow.AddSeconds(2)));
        Assert.Equal(
            (StatusCode.ResourceExhausted, "audio_seconds_per_second"), (refusal.StatusCode, refusal.Trailers.GetValue("dass-limit")));
        Assert.InRange(int.Parse(refusal.Trailers.GetValue("retry-after")!, System.Globalization.CultureInfo.InvariantCulture), 1, 60);
    }

    [Fact]
    public async Task Single_recordings_are_in_the_usage_records()
    {
        await using var grid = await StartAsync();
        var events = 0;
        for (var i = 0; i < 3; i++)
        {
            events += (await grid.Client.TagAsync(Clip(5))) is var answer
                ? answer.Chunks.SelectMany(chunk => chunk.Events).Concat(answer.Events).Count(sound => sound.Kind == EventKind.Closed) : 0;
        }
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config("s"));
        await feed.SendBabbleAsync(0, 2 * Babble.SampleRateHz);
        await feed.FinishAsync();
        V1.ModelUsage? usage = null;
        await TestGrid.UntilAsync(
            async () => (usage = (await grid.Client.GetUsageAsync(new GetUsageRequest())).Models.SingleOrDefault())?.AudioSeconds >= 17,
            () => Task.Delay(100));
        Assert.Equal((17.0, 1L), (usage!.AudioSeconds, usage.Streams));
        Assert.InRange(usage.Events, events, events + feed.Events.Count);
    }

    [Fact]
    public async Task A_message_above_the_tenants_limit_is_refused()
    {
        await using var grid = await StartAsync(("MessageBytes", "4096"));
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config("s"));
        await feed.SendAsync(Babble.Slice(0, 2048));
        await feed.AppliedAsync(2048);
        await feed.SendAsync(Babble.Slice(2048, 2049));
        await TestGrid.RefusesAsync(
            StatusCode.ResourceExhausted, "4098 bytes of audio; the tenant's quota message_bytes is 4096", feed.ReadToEndAsync);
        await TestGrid.RefusesAsync(StatusCode.ResourceExhausted, "message_bytes", async () => await grid.Client.TagAsync(
            new TagRequest { Format = Babble.Format, Audio = Google.Protobuf.ByteString.CopyFrom(Babble.Slice(0, 4096).Span) }));
    }

    [Fact]
    public async Task A_limit_that_breaks_a_rule_stops_the_start() =>
        Assert.Contains(
            "Tenants:default:Limits: subscribers is 0; at least 1",
            (await Assert.ThrowsAnyAsync<Exception>(() => StartAsync(("Subscribers", "0")))).Message,
            StringComparison.Ordinal);

    private static TagRequest Clip(int seconds) => new()
    {
        Format = Babble.Format, Audio = Google.Protobuf.ByteString.CopyFrom(Babble.Slice(0, seconds * Babble.SampleRateHz).Span),
    };

    private static Task<TestGrid> StartAsync(params (string Limit, string Value)[] limits) =>
        TestGrid.StartAsync(limits.ToDictionary(limit => $"Tenants:default:Limits:{limit.Limit}", limit => (string?)limit.Value));
}
