using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace Dass.Grid.Cluster.Tests.Streams;

[Collection(SharedGridCollection.Name)]
public sealed class SubscribeTests(SharedGrid shared)
{
    private static readonly TagFilter Dense = new() { Top = 0, Dense = true };

    private readonly Tagging.TaggingClient _client = shared.Client;

    [Fact]
    public async Task A_subscriber_sees_the_tags_of_the_one_who_feeds()
    {
        using var feed = await Feed.BeginAsync(_client, Babble.Config("watched"));
        using var watch = await WatchAsync("watched", fromChunk: null);
        await feed.SendBabbleAsync(0, Babble.Samples);
        var summary = await feed.FinishAsync();

        var seen = await ReadToEndAsync(watch);
        await BareSession.AssertEqualAsync(seen.Tags, seen.Ended.Summary);
        Assert.Equal(EndReason.Finished, seen.Ended.Reason);
        Assert.Equal(summary, seen.Ended.Summary);
        Assert.Equal(0, seen.Dropped);
    }

    [Fact]
    public async Task A_lease_is_answered_without_what_costs_the_head_over_all_labels()
    {
        using var feed = await Feed.BeginAsync(_client, Babble.Config("leased"));
        await feed.SendBabbleAsync(0, Yard.Half);
        await feed.AppliedAsync(Yard.Half);
        var (stream, ear) = (Yard.Grain(shared.Grid, "leased"), new SilentObserver());
        var lease = (await stream.Subscribe(shared.Grid.Host.Grains.CreateObjectReference<Contracts.ITagObserver>(ear))).Value!;
        var status = (await stream.GetStatus()).Value!;
        Assert.Equal((status.Begun, status.NextSample, status.NextChunk), (lease.Begun, lease.NextSample, lease.NextChunk));
        Assert.Equal((0, null, null), (lease.Summary.Mean.Length, lease.Health, lease.Rules));
        Assert.Equal(527, status.Summary.Mean.Length);
        GC.KeepAlive(ear);
    }

    [Fact]
    public async Task A_late_subscriber_can_read_from_the_first_chunk_even_after_the_end()
    {
        using var feed = await Feed.BeginAsync(_client, Babble.Config("late"));
        await feed.SendBabbleAsync(0, Babble.Samples / 2);
        await feed.AppliedAsync(Babble.Samples / 2);
        using var during = await WatchAsync("late", fromChunk: 0);
        await feed.SendBabbleAsync(Babble.Samples / 2, Babble.Samples);
        await feed.FinishAsync();
        using var after = await WatchAsync("late", fromChunk: 0);

        await BareSession.AssertEqualAsync((await ReadToEndAsync(during)).Tags);
        await BareSession.AssertEqualAsync((await ReadToEndAsync(after)).Tags);
    }

    [Fact]
    public async Task A_subscriber_that_never_reads_receives_the_count_of_what_it_missed_and_disturbs_no_other()
    {
        const int Repeats = 12;
        await using var grid = await TestGrid.StartAsync(new()
        {
            ["Grid:Gateway:SubscriberQueueChunks"] = "4",
            ["Grid:Streams:HistoryChunks"] = "8",
        });

        // The smallest windows that HTTP/2 allows to start with, so that few chunks fill the way to the client.
        using var narrow = GrpcChannel.ForAddress(grid.Host.Address, new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler { InitialHttp2StreamWindowSize = 65_535 },
        });
        var config = Babble.Config("slow");
        config.Chunk = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(TimeSpan.FromSeconds(0.32));
        using var feed = await Feed.BeginAsync(grid.Client, config);
        using var slow = await WatchAsync("slow", fromChunk: null, new Tagging.TaggingClient(narrow));
        using var quick = await WatchAsync("slow", fromChunk: null, grid.Client);
        var quickly = ReadToEndAsync(quick);
        for (var i = 0; i < Repeats; i++)
        {
            await feed.SendBabbleAsync(0, Babble.Samples);
            await feed.AppliedAsync((i + 1L) * Babble.Samples);
        }
        var summary = await feed.FinishAsync();

        var slowly = await ReadToEndAsync(slow);
        Assert.True(slowly.Dropped > 0, $"Nothing was dropped of {summary.Chunks} chunks.");
        Assert.Equal(summary.Chunks, slowly.Tags.Count + slowly.Dropped);
        Assert.Equal(feed.Tags.Count, summary.Chunks);
        Assert.Equal(summary.Chunks, (await quickly).Tags.Count + (await quickly).Dropped);
    }

    [Fact]
    public async Task An_unknown_stream_cannot_be_listened_to()
    {
        using var call = _client.Subscribe(new SubscribeRequest { StreamId = "unknown" }, deadline: TestGrid.Deadline);
        await TestGrid.RefusesAsync(
            StatusCode.NotFound, "'unknown' is unknown", () => call.ResponseStream.MoveNext(CancellationToken.None));
    }

    /// <summary>Subscribes and waits until no later chunk can be missed.</summary>
    private async Task<AsyncServerStreamingCall<SubscribeResponse>> WatchAsync(
        string stream, long? fromChunk, Tagging.TaggingClient? client = null)
    {
        var request = new SubscribeRequest { StreamId = stream, Filter = Dense };
        if (fromChunk is { } from)
        {
            request.FromChunk = from;
        }
        var call = (client ?? _client).Subscribe(request, deadline: TestGrid.Deadline);
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        Assert.NotNull(call.ResponseStream.Current.Subscribed);
        return call;
    }

    private static async Task<(List<Tags> Tags, long Dropped, Ended Ended)> ReadToEndAsync(AsyncServerStreamingCall<SubscribeResponse> call)
    {
        var tags = new List<Tags>();
        long dropped = 0;
        while (await call.ResponseStream.MoveNext(CancellationToken.None))
        {
            var response = call.ResponseStream.Current;
            switch (response.ResponseCase)
            {
                case SubscribeResponse.ResponseOneofCase.Tags:
                    tags.Add(response.Tags);
                    break;
                case SubscribeResponse.ResponseOneofCase.Dropped:
                    dropped += response.Dropped.Chunks;
                    break;
                case SubscribeResponse.ResponseOneofCase.Ended:
                    return (tags, dropped, response.Ended);
            }
        }
        throw new InvalidOperationException("The call ended without Ended.");
    }

    private sealed class SilentObserver : Contracts.ITagObserver
    {
        public Task OnTags(Contracts.ChunkTags[] tags) => Task.CompletedTask;

        public Task OnGap(Contracts.StreamGap gap) => Task.CompletedTask;

        public Task OnModel(Contracts.ModelChange change) => Task.CompletedTask;

        public Task OnLost(Contracts.SoundEvent opened, long nextChunk) => Task.CompletedTask;

        public Task OnEnded(Contracts.StreamEnd end) => Task.CompletedTask;
    }
}
