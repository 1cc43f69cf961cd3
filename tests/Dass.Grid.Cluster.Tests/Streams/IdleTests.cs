using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Streams;

public sealed class IdleTests : IAsyncLifetime
{
    private readonly FakeDevice _device = new();
    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());
    private TestGrid _grid = null!;

    public async Task InitializeAsync() => _grid = await StartAsync();

    public Task DisposeAsync() => _grid.StopAsync(_time);

    [Fact]
    public async Task A_stream_without_audio_ends_gives_its_slot_back_and_is_forgotten()
    {
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config("idle"));
        await feed.SendBabbleAsync(0, 100_000);
        await feed.AppliedAsync(100_000);
        using var watch = _grid.Client.Subscribe(new SubscribeRequest { StreamId = "idle" }, deadline: TestGrid.Deadline);
        Assert.True(await watch.ResponseStream.MoveNext(CancellationToken.None));

        _time.Advance(TimeSpan.FromMinutes(5));

        var ended = await EndAsync(watch);
        Assert.Equal(EndReason.Idle, ended.Reason);
        Assert.Equal(7, ended.Summary.Chunks); // 6.25 s in chunks of 0.96 s, the tail too
        var info = await _grid.Client.GetStreamAsync(new GetStreamRequest { StreamId = "idle" });
        Assert.Equal((StreamState.Ended, EndReason.Idle, 100_000), (info.Entry.State, info.EndReason, info.NextSample));
        using var next = await Feed.BeginAsync(_grid.Client, Babble.Config("next"));

        // Each minute the stream looks at its clock; five more, and once the tenant's event log and usage record have what it owes, it is
        // gone. They are written in real time.
        await TestGrid.UntilAsync(async () => !await IsKnownAsync() && !await IsListedAsync(), () =>
        {
            _time.Advance(TimeSpan.FromMinutes(1));
            return Task.Delay(20);
        });
        await TestGrid.RefusesAsync(
            StatusCode.NotFound, "'idle' is unknown", async () => await _grid.Client.GetStreamAsync(
                new GetStreamRequest { StreamId = "idle" }));
    }

    [Fact]
    public async Task Audio_keeps_a_stream_alive()
    {
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config("alive"));
        for (var i = 1; i <= 8; i++)
        {
            await feed.SendAsync(Babble.Slice(0, 100));
            await feed.AppliedAsync(100 * i);
            _time.Advance(TimeSpan.FromMinutes(4));
        }
        var info = await _grid.Client.GetStreamAsync(new GetStreamRequest { StreamId = "alive" });
        Assert.Equal(StreamState.Live, info.Entry.State);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_a_call_has_left_that_is_over_is_done_at_the_next_upkeep(bool finishes)
    {
        using (var feed = await Feed.BeginAsync(_grid.Client, Babble.Config("left")))
        {
            _device.LargestBatch = 0; // a step has to wait
            await feed.SendAsync(Babble.Slice(0, finishes ? Babble.SampleRateHz : 2 * Babble.SampleRateHz));
            if (finishes)
            {
                await feed.AppliedAsync(Babble.SampleRateHz);
                await feed.SendAsync(new StreamRequest { Finish = new Finish() });
            }
            await TestGrid.UntilAsync(() => _device.Refused > 0);
        }
        await TestGrid.UntilAsync(async () => !(await StatusAsync()).Entry.Health.Attached, () => Task.Delay(10));
        _device.LargestBatch = int.MaxValue;
        using var watch = _grid.Client.Subscribe(
            new SubscribeRequest { StreamId = "left", Filter = new TagFilter { Dense = true } }, deadline: TestGrid.Deadline);
        Assert.True(await watch.ResponseStream.MoveNext(CancellationToken.None));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.True(await watch.ResponseStream.MoveNext(CancellationToken.None));
        Assert.Equal(0, watch.ResponseStream.Current.Tags.Chunk);
        if (finishes)
        {
            Assert.Equal(EndReason.Finished, (await EndAsync(watch)).Reason);
        }

        async Task<StreamInfo> StatusAsync() => await _grid.Client.GetStreamAsync(new GetStreamRequest { StreamId = "left" });
    }

    private Task<TestGrid> StartAsync() => TestGrid.StartAsync(
        _time,
        new() { ["Grid:Models:tiny:MaxStreams"] = "1", ["Grid:Streams:Upkeep"] = "00:01:00", ["Grid:Streams:IdleTimeout"] = "00:05:00" },
        _device.AddTo);

    private async Task<bool> IsListedAsync() =>
        (await _grid.Client.ListStreamsAsync(new ListStreamsRequest())).Streams.Any(entry => entry.StreamId == "idle");

    private async Task<bool> IsKnownAsync()
    {
        try
        {
            await _grid.Client.GetStreamAsync(new GetStreamRequest { StreamId = "idle" });
            return true;
        }
        catch (RpcException gone) when (gone.StatusCode == StatusCode.NotFound)
        {
            return false;
        }
    }

    private static async Task<Ended> EndAsync(AsyncServerStreamingCall<SubscribeResponse> watch)
    {
        while (await watch.ResponseStream.MoveNext(CancellationToken.None))
        {
            if (watch.ResponseStream.Current.ResponseCase == SubscribeResponse.ResponseOneofCase.Ended)
            {
                return watch.ResponseStream.Current.Ended;
            }
        }
        throw new InvalidOperationException("The call ended without Ended.");
    }
}
