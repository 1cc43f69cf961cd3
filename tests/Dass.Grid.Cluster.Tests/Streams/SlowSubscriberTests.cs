using CsCheck;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;

namespace Dass.Grid.Cluster.Tests.Streams;

/// <summary>Subscribers that read slowly, and those that leave and come back.</summary>
public sealed class SlowSubscriberTests : IAsyncLifetime
{
    private const int Repeats = 3;
    private const int Queue = 4; // chunks
    private const int History = 8;
    private const int WindowBytes = 65_535; // the smallest that a client may begin with
    private const int CutSamples = 8;

    private static readonly string[] Names = ["slow-a", "slow-b"];
    private static readonly TagFilter Dense = new() { Top = 0, Dense = true };

    private TestGrid _grid = null!;

    public async Task InitializeAsync() => _grid = await TestGrid.StartAsync(new()
    {
        ["Grid:Gateway:SubscriberQueueChunks"] = $"{Queue}",
        ["Grid:Streams:HistoryChunks"] = $"{History}",
    });

    public async Task DisposeAsync() => await _grid.DisposeAsync();

    [Theory]
    [InlineData(SlowPolicy.Unspecified)]
    [InlineData(SlowPolicy.DropOldest)]
    [InlineData(SlowPolicy.KeepEvents)]
    public async Task What_is_missing_of_several_streams_is_counted_for_each(SlowPolicy slow)
    {
        using var narrow = Narrow();
        using var ear = Listen(narrow, slow);
        var fed = await FeedAsync(ear);
        long chunks = fed.Count;

        var (next, tagged, dropped, late) = (new Dictionary<string, long>(), 0L, 0L, new List<long>());
        for (var ended = 0; ended < Names.Length && await ear.ResponseStream.MoveNext(CancellationToken.None);)
        {
            var (response, name) = (ear.ResponseStream.Current, ear.ResponseStream.Current.StreamId);
            switch (response.ResponseCase)
            {
                case SubscribeResponse.ResponseOneofCase.Tags:
                    Assert.Equal(next.GetValueOrDefault(name), response.Tags.Chunk); // where the count of Dropped says
                    next[name] = response.Tags.Chunk + 1;
                    tagged++;
                    late.AddRange(
                        response.Tags.Chunk >= chunks - History && response.Tags.Chunk < chunks - Queue ? [response.Tags.Chunk] : []);
                    break;
                case SubscribeResponse.ResponseOneofCase.Dropped:
                    Assert.True(response.Dropped.Chunks > 0);
                    next[name] = next.GetValueOrDefault(name) + response.Dropped.Chunks;
                    dropped += response.Dropped.Chunks;
                    break;
                case SubscribeResponse.ResponseOneofCase.Ended:
                    Assert.Equal(chunks, response.Ended.Summary.Chunks);
                    ended++;
                    break;
            }
        }
        Assert.Equal(Names.Select(_ => chunks), Names.Select(name => next.GetValueOrDefault(name)));
        Assert.Equal(Names.Length * chunks, tagged + dropped);
        // When everything has been said, the stream keeps these, and the queue those after them; one without events may have been in hand.
        var kept = fed.Where(tags => tags.Chunk >= chunks - History && tags.Chunk < chunks - Queue)
            .Where(tags => slow != SlowPolicy.KeepEvents || tags.Events.Count > 0)
            .SelectMany(tags => Names.Select(_ => tags.Chunk)).ToArray();
        Assert.Equal(kept, late.Where(kept.Contains).Order());
        Assert.True(dropped > 0, $"Nothing was dropped of {Names.Length * chunks} chunks.");
    }

    [Fact]
    public async Task Who_would_rather_leave_than_miss_anything_is_told_where_to_go_on()
    {
        using var narrow = Narrow();
        using var ear = Listen(narrow, SlowPolicy.Disconnect);
        await FeedAsync(ear);
        var next = new Dictionary<string, long>();
        await TestGrid.RefusesAsync(StatusCode.ResourceExhausted, "the subscriber is too slow", async () =>
        {
            while (await ear.ResponseStream.MoveNext(CancellationToken.None))
            {
                Assert.Null(ear.ResponseStream.Current.Dropped);
                if (ear.ResponseStream.Current.Tags is { } tags)
                {
                    Assert.Equal(next.GetValueOrDefault(ear.ResponseStream.Current.StreamId), tags.Chunk);
                    next[ear.ResponseStream.Current.StreamId] = tags.Chunk + 1;
                }
            }
        });
        Assert.NotEmpty(next);
    }

    [Fact]
    public async Task Chunks_before_a_gap_come_before_it_also_when_their_subscriber_is_behind()
    {
        const int Lost = 4 * Babble.SampleRateHz; // too much to be heard as silence
        await using var grid = await TestGrid.StartAsync(new() { ["Grid:Gateway:SubscriberQueueChunks"] = $"{Queue}" });
        var config = Babble.Config(Names[0]);
        config.Chunk = Duration.FromTimeSpan(TimeSpan.FromSeconds(0.32));
        using var feed = await Feed.BeginAsync(grid.Client, config);
        using var narrow = Narrow(grid);
        using var ear = new Tagging.TaggingClient(narrow).Subscribe(
            new SubscribeRequest { StreamId = Names[0], FromChunk = 0, Filter = Dense }, deadline: TestGrid.Deadline);
        Assert.True(await ear.ResponseStream.MoveNext(CancellationToken.None)); // and reads nothing for now
        for (var i = 1; i <= Repeats; i++)
        {
            await feed.SendBabbleAsync(0, Babble.Samples);
            await feed.AppliedAsync((long)i * Babble.Samples);
        }
        var audio = new Audio { FirstSample = (long)Repeats * Babble.Samples + Lost, AfterLoss = true };
        audio.Data = Google.Protobuf.ByteString.CopyFrom(Babble.Slice(0, Babble.SampleRateHz).Span);
        await feed.SendAsync(new StreamRequest { Audio = audio });
        await feed.SendBabbleAsync(Babble.SampleRateHz, Babble.Samples);
        await feed.FinishAsync();

        var received = new List<SubscribeResponse>();
        while (await ear.ResponseStream.MoveNext(CancellationToken.None))
        {
            received.Add(ear.ResponseStream.Current);
        }
        var gap = Assert.Single(feed.Gaps);
        Assert.Equal(feed.Tags.Select(tags => tags.Chunk), received.Where(each => each.Tags is not null).Select(each => each.Tags.Chunk));
        Assert.DoesNotContain(received, each => each.Dropped is not null); // the stream has kept all; the gap's own chunks were never there
        var before = received.TakeWhile(each => each.Gap is null).Count(each => each.Tags is not null);
        Assert.Equal(feed.Tags.Count(tags => tags.Chunk < gap.NextChunk), before);
    }

    [Fact]
    public async Task However_a_subscription_is_cut_into_pieces_it_is_the_same_sequence()
    {
        await using var grid = await TestGrid.StartAsync();
        foreach (var name in Names)
        {
            using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(name));
            await feed.SendBabbleAsync(0, Babble.Samples);
            await feed.FinishAsync();
        }
        await Gen.Int[1, 12].Array[0, 8].SampleAsync(
            async cuts =>
            {
                var heard = Names.ToDictionary(name => name, _ => new List<Tags>());
                for (var piece = 0; piece <= cuts.Length; piece++)
                {
                    var request = new SubscribeRequest { StreamIds = { Names }, Filter = Dense };
                    request.Cursors.Add(
                        heard.ToDictionary(stream => stream.Key, stream => stream.Value.Count == 0 ? 0 : stream.Value[^1].Chunk + 1));
                    using var ear = grid.Client.Subscribe(request, deadline: TestGrid.Deadline);
                    var (most, ended) = (piece < cuts.Length ? cuts[piece] : int.MaxValue, 0);
                    while (most > 0 && ended < Names.Length && await ear.ResponseStream.MoveNext(CancellationToken.None))
                    {
                        var response = ear.ResponseStream.Current;
                        Assert.Null(response.Dropped);
                        ended += response.Ended is null ? 0 : 1;
                        if (response.Tags is { } tags)
                        {
                            heard[response.StreamId].Add(tags);
                            most--;
                        }
                    }
                }
                foreach (var tags in heard.Values)
                {
                    await BareSession.AssertEqualAsync(tags);
                }
            },
            iter: CutSamples,
            threads: 1);
    }

    private GrpcChannel Narrow(TestGrid? grid = null) => GrpcChannel.ForAddress(
        (grid ?? _grid).Host.Address,
        new GrpcChannelOptions { HttpHandler = new SocketsHttpHandler { InitialHttp2StreamWindowSize = WindowBytes } });

    private static AsyncServerStreamingCall<SubscribeResponse> Listen(
        GrpcChannel channel, SlowPolicy slow) => new Tagging.TaggingClient(channel).Subscribe(
        new SubscribeRequest { Prefix = "slow-", FromChunk = 0, Filter = Dense, Slow = slow }, deadline: TestGrid.Deadline);

    /// <summary>Feeds two streams to their end. The subscriber has found both, and reads nothing meanwhile.</summary>
    /// <returns>The tags of each.</returns>
    private async Task<List<Tags>> FeedAsync(AsyncServerStreamingCall<SubscribeResponse> ear)
    {
        var feeds = new List<Feed>();
        foreach (var name in Names)
        {
            var config = Babble.Config(name);
            config.Chunk = Duration.FromTimeSpan(TimeSpan.FromSeconds(0.32));
            config.Events = new EventRule { On = 1 }; // so that only some chunks have events
            foreach (var label in new[] { "Speech", "Dog", "Rain", "Music" })
            {
                config.LabelEvents.Add(new LabelRule
                {
                    Label = label,
                    Rule = new EventRule { On = 0.5f, Off = 0.5f, MinDuration = new Duration(), MergeGap = new Duration() },
                });
            }
            feeds.Add(await Feed.BeginAsync(_grid.Client, config));
        }
        foreach (var _ in feeds)
        {
            Assert.True(await ear.ResponseStream.MoveNext(CancellationToken.None));
            Assert.NotNull(ear.ResponseStream.Current.Subscribed);
        }
        for (var i = 1; i <= Repeats; i++)
        {
            foreach (var feed in feeds)
            {
                await feed.SendBabbleAsync(0, Babble.Samples);
                await feed.AppliedAsync((long)i * Babble.Samples);
            }
        }
        foreach (var feed in feeds)
        {
            await feed.FinishAsync();
            feed.Dispose();
        }
        return feeds[0].Tags;
    }
}
