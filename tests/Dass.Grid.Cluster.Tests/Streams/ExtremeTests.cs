using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Contracts;
using Dass.Grid.Gateway.Subscriptions;
using Dass.Grid.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Duration = Google.Protobuf.WellKnownTypes.Duration;

namespace Dass.Grid.Cluster.Tests.Streams;

/// <summary>
/// Values at the ends of their types, and what follows from them: each once ended a call with UNKNOWN or INTERNAL, or was said wrongly.
/// </summary>
[Collection(SharedGridCollection.Name)]
public sealed class ExtremeTests(SharedGrid shared)
{
    private readonly Tagging.TaggingClient _client = shared.Client;

    [Theory]
    [InlineData(253_402_300_799)] // the last second of the year 9999
    [InlineData(-62_135_596_800)] // the first of the year 1
    public Task A_capture_time_whose_events_would_have_none_is_refused(long seconds)
    {
        var config = Babble.Config();
        config.CaptureTime = new Timestamp { Seconds = seconds };
        return TestGrid.RefusesAsync(
            StatusCode.InvalidArgument, "a time of the years 1970 to 7999", () => Feed.BeginAsync(_client, config));
    }

    [Fact]
    public async Task Events_at_the_end_of_times_and_positions_have_their_times()
    {
        const long Oldest = 1L << 48;
        var config = Babble.Config("far-out");
        config.CaptureTime = new Timestamp { Seconds = 190_288_000_000 }; // of the year 7999
        config.OldestSample = Oldest;
        config.Events = new EventRule { On = 0, MinDuration = new Duration() };
        using var feed = await Feed.BeginAsync(_client, config);
        Assert.True(feed.Ready.NextSample >= Oldest);
        await feed.SendBabbleAsync(0, 48_000);
        await feed.FinishAsync();
        Assert.NotEmpty(feed.Events);
        Assert.Single(feed.Gaps);
        config.OldestSample = Oldest + 1;
        await TestGrid.RefusesAsync(
            StatusCode.InvalidArgument, $"oldest_sample is {Oldest + 1}; 0 to {Oldest}", () => Feed.BeginAsync(_client, config));
    }

    [Fact]
    public async Task A_loss_of_centuries_costs_no_more_than_one_of_a_minute()
    {
        using var feed = await Feed.BeginAsync(_client, Babble.Config("centuries"));
        await feed.SendBabbleAsync(0, 48_000);
        var audio = new Audio { FirstSample = 1L << 48, AfterLoss = true, Data = ByteString.CopyFrom(Babble.Slice(0, 48_000).Span) };
        await feed.SendAsync(new StreamRequest { Audio = audio });
        await feed.FinishAsync();
        Assert.Single(feed.Gaps);
        Assert.True(feed.Tags[^1].StartSeconds > 1e10);
    }

    [Fact]
    public async Task Names_and_lists_without_end_are_refused_in_few_words()
    {
        var config = Babble.Config();
        config.Model = new string('x', 500_000);
        await TestGrid.RefusesAsync(
            StatusCode.InvalidArgument, "(500000 characters) is not 1 to 128", () => Feed.BeginAsync(_client, config));
        var filter = new TagFilter { Labels = { Enumerable.Repeat("Dog", 1_001) } };
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "filter.labels has 1001 entries; at most 1000", async () =>
            await _client.GetStreamAsync(new GetStreamRequest { StreamId = "any", Filter = filter }));
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "min_interval is", async () =>
        {
            using var call = _client.Subscribe(
                new SubscribeRequest { AllStreams = true, MinInterval = new Duration { Nanos = int.MaxValue } },
                deadline: TestGrid.Deadline);
            await call.ResponseStream.MoveNext(CancellationToken.None);
        });
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "keep_old is", async () =>
            await shared.Grid.Admin.RotateKeyAsync(
                new RotateKeyRequest { Name = "x", KeepOld = new Duration { Seconds = long.MaxValue } }));
    }

    [Fact]
    public async Task Tags_of_other_labels_are_not_taken_for_the_new_models()
    {
        using var few = new FewLabelsModel();
        await using var grid = await TestGrid.StartAsync(new()
        {
            ["Grid:Models:few:ModelDirectory"] = few.Folder, ["Grid:Models:few:Threads"] = "1", ["Grid:DefaultModel"] = "tiny",
        });
        var config = Babble.Config("changed");
        config.Model = "few";
        using (var before = await Feed.BeginAsync(grid.Client, config))
        {
            await before.SendBabbleAsync(0, 120_000);
            await before.AppliedAsync(120_000);
        }
        (config.Model, config.SwitchModel, config.FromChunk) = ("tiny", true, 0);
        using var feed = await Feed.BeginAsync(grid.Client, config);
        using var ear = grid.Client.Subscribe(
            new SubscribeRequest { StreamId = "changed", FromChunk = 0, Filter = config.Filter }, deadline: TestGrid.Deadline);
        Assert.True(await ear.ResponseStream.MoveNext(CancellationToken.None));
        await feed.SendBabbleAsync((int)feed.Ready.NextSample, Babble.Samples);
        await feed.FinishAsync();
        var (dropped, labels) = (0L, new List<int>());
        while (await ear.ResponseStream.MoveNext(CancellationToken.None))
        {
            dropped += ear.ResponseStream.Current.Dropped?.Chunks ?? 0;
            labels.AddRange(ear.ResponseStream.Current.Tags is { } tags ? [tags.DenseChunkScores.Count] : []);
        }
        Assert.Equal(7, dropped); // those of the other labels
        Assert.Equal(Enumerable.Repeat(527, feed.Tags.Count), labels);
    }

    [Fact]
    public async Task A_full_queue_drops_chunks_and_never_a_gap_or_another_model()
    {
        var queue = new SubscriberQueue(capacity: 4);
        var model = new ModelSummary("m", "hash", 1, "", IsDefault: false);
        for (var i = 0; i < 30; i++)
        {
            if (i == 10)
            {
                queue.Offer(new ModelChange(model, model, i, []));
            }
            if (i == 20)
            {
                queue.Offer(new StreamGap(0, 1, i, "because"));
            }
            queue.Offer(new ChunkTags(i, 0, 0, [], []));
        }
        queue.Complete(new StreamEnd(StreamEndReason.Closed, new HeardSummary(0, 30, [], [])));
        var words = new List<SubscriberItem>();
        await foreach (var word in queue.ReadAllAsync(CancellationToken.None))
        {
            words.Add(word);
        }
        Assert.Equal([10L, 20L], words.Where(word => word.Chunk is null).Select(word => word.NextChunk));
        Assert.Equal([26L, 27L, 28L, 29L], words.Where(word => word.Chunk is not null).Select(word => word.Chunk!.Index));
        Assert.NotNull(words[0].Change);
        Assert.NotNull(words[1].Gap);
    }
}
