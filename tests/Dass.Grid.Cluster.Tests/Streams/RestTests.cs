using Dass.Grid.Cluster.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Streams;

/// <summary>A stream that waits in the store without a client is nowhere else.</summary>
public sealed class RestTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());
    private readonly FaultyStore _store = new();
    private TestGrid _grid = null!;

    /// <summary>With an idle time of hours, not of a day: a clock that is set forward runs all timers of the time between.</summary>
    public async Task InitializeAsync() =>
        _grid = await TestGrid.StartAsync(_time, new() { ["Grid:Streams:IdleTimeout"] = "03:00:00" }, _store.Wrap);

    public Task DisposeAsync() => _grid.StopAsync(_time);

    [Fact]
    public async Task A_stream_at_rest_leaves_its_silo_and_wakes_as_it_was()
    {
        await FeedAsync("yard", 0, 100_000);
        await RestAsync();
        await FeedAsync("yard", 100_000, 150_000);
        await RestAsync();
        var config = Babble.Config("yard");
        config.FromChunk = 0;
        using var feed = await Feed.BeginAsync(_grid.Client, config);
        Assert.Equal(150_000, feed.Ready.NextSample);
        await feed.SendBabbleAsync(150_000, Babble.Samples);
        await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
    }

    [Fact]
    public async Task A_stream_at_rest_ends_when_its_idle_time_is_over()
    {
        await FeedAsync("yard", 0, 100_000);
        await RestAsync();
        _time.Advance(TimeSpan.FromHours(2));
        await Task.Delay(100);
        Assert.Equal(V1.StreamState.Live, await StateAsync());
        await TestGrid.UntilAsync(async () => await StateAsync() == V1.StreamState.Ended, () => PassAsync(TimeSpan.FromMinutes(5)));
        var info = await _grid.Client.GetStreamAsync(new V1.GetStreamRequest { StreamId = "yard" });
        Assert.Equal((V1.EndReason.Idle, 100_000), (info.EndReason, info.NextSample));
    }

    [Fact]
    public async Task A_stream_with_a_client_stays_on_its_silo_and_takes_no_slot()
    {
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config("yard"));
        await feed.SendBabbleAsync(0, 100_000);
        await feed.AppliedAsync(100_000);
        await TestGrid.UntilAsync(IsAsleepAsync, () => PassAsync(TimeSpan.FromSeconds(5)));
        for (var i = 0; i < 20; i++)
        {
            await PassAsync(TimeSpan.FromSeconds(15));
        }
        Assert.Equal(1, await ActivationsAsync());
        await feed.SendBabbleAsync(100_000, Babble.Samples);
        await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
    }

    [Fact]
    public async Task A_stream_at_rest_in_a_store_that_is_away_keeps_no_subscriber_from_the_others()
    {
        await FeedAsync("yard", 0, 100_000);
        await RestAsync();
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config("street"));
        await feed.SendBabbleAsync(0, 50_000);
        await feed.AppliedAsync(50_000);
        _store.IsAway = true;
        using var call = _grid.Client.Subscribe(new V1.SubscribeRequest { AllStreams = true }, deadline: TestGrid.Deadline);
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        Assert.Equal("street", call.ResponseStream.Current.StreamId);
        var next = call.ResponseStream.MoveNext(CancellationToken.None);
        await PassAsync(TimeSpan.FromMinutes(2)); // longer than a gateway waits for a stream
        await feed.SendBabbleAsync(50_000, 100_000);
        Assert.True(await next);
        Assert.Equal(("street", V1.SubscribeResponse.ResponseOneofCase.Tags), (
            call.ResponseStream.Current.StreamId, call.ResponseStream.Current.ResponseCase));
        var reads = _store.Reads;
        for (var i = 0; i < 20; i++)
        {
            await PassAsync(TimeSpan.FromSeconds(1));
        }
        Assert.InRange(_store.Reads - reads, 1, 15); // each listing would make two
        _store.IsAway = false;
        while (call.ResponseStream.Current.StreamId != "yard") // as soon as it can be had
        {
            next = call.ResponseStream.MoveNext(CancellationToken.None);
            await TestGrid.UntilAsync(() => next.IsCompleted, () => PassAsync(TimeSpan.FromSeconds(1)));
            Assert.True(await next);
        }
    }

    private async Task FeedAsync(string stream, int fromSample, int toSample)
    {
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config(stream));
        Assert.Equal(fromSample, feed.Ready.NextSample);
        await feed.SendBabbleAsync(fromSample, toSample);
        await feed.AppliedAsync(toSample);
    }

    /// <summary>Until no silo holds a stream; it is listed all the same. What it owes to the records is written in real time.</summary>
    private async Task RestAsync()
    {
        await TestGrid.UntilAsync(async () => await ActivationsAsync() == 0, () => PassAsync(TimeSpan.FromSeconds(5)));
        Assert.Equal(V1.StreamState.Live, await StateAsync());
    }

    private async Task<bool> IsAsleepAsync() =>
        (await _grid.Client.GetStreamAsync(new V1.GetStreamRequest { StreamId = "yard" })).Entry.Health is null;

    private async Task<V1.StreamState> StateAsync() =>
        Assert.Single((await _grid.Client.ListStreamsAsync(new V1.ListStreamsRequest())).Streams).State;

    private Task<int> ActivationsAsync() => Yard.ActivationsAsync(_grid);

    private Task PassAsync(TimeSpan time)
    {
        _time.Advance(time);
        return Task.Delay(50);
    }
}
