using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Streams;

/// <summary>One call that listens to several streams.</summary>
[Collection(SharedGridCollection.Name)]
public sealed class SubscribeManyTests(SharedGrid shared)
{
    private Tagging.TaggingClient Client => shared.Client;

    [Fact]
    public async Task A_label_that_no_model_has_is_refused_before_any_stream_begins_with_those_that_are_like_it()
    {
        var prefix = NewPrefix();
        var filter = new TagFilter { Labels = { "Speach" } };
        await TestGrid.RefusesAsync(StatusCode.NotFound, "'Speach'; ListLabels names them. Did you mean 'Speech'", async () =>
        {
            using var call = Client.Subscribe(new SubscribeRequest { Prefix = prefix, Filter = filter }, deadline: TestGrid.Deadline);
            await call.ResponseStream.MoveNext(CancellationToken.None);
        });
        await TestGrid.RefusesAsync(
            StatusCode.NotFound, "selection.labels: no model of this grid has a label 'Speach'",
            async () => await Client.ListEventsAsync(
                new ListEventsRequest { Selection = new EventSelection { Labels = { "Speach" } } }, deadline: TestGrid.Deadline));
        await Client.ListEventsAsync(
            new ListEventsRequest { Selection = new EventSelection { Labels = { "speech", "/m/09x0r" } } }, deadline: TestGrid.Deadline);
    }

    [Fact]
    public async Task A_prefix_hears_streams_that_are_live_and_those_that_begin_later()
    {
        var prefix = NewPrefix();
        using var early = await Feed.BeginAsync(Client, Babble.Config(prefix + "early"));
        using var other = await Feed.BeginAsync(Client, Babble.Config("other-" + prefix));
        using var ear = Client.Subscribe(new SubscribeRequest { Prefix = prefix, Filter = Dense }, deadline: TestGrid.Deadline);
        await UntilAsync(ear, response => response.Subscribed is not null && response.StreamId == prefix + "early");

        using var late = await Feed.BeginAsync(Client, Babble.Config(prefix + "late"));
        foreach (var feed in new[] { early, late, other })
        {
            await feed.SendBabbleAsync(0, Babble.Samples);
            await feed.FinishAsync();
        }
        var heard = await UntilEndedAsync(ear, 2);

        Assert.Equal([prefix + "early", prefix + "late"], heard.Keys.Order());
        await BareSession.AssertEqualAsync(heard[prefix + "early"]);
        await BareSession.AssertEqualAsync(heard[prefix + "late"]);
    }

    [Fact]
    public async Task Named_streams_go_on_at_their_cursors()
    {
        var prefix = NewPrefix();
        foreach (var name in new[] { "a", "b" })
        {
            using var feed = await Feed.BeginAsync(Client, Babble.Config(prefix + name));
            await feed.SendBabbleAsync(0, Babble.Samples);
            await feed.FinishAsync();
        }
        using var ear = Client.Subscribe(
            new SubscribeRequest
            {
                StreamIds = { prefix + "a", prefix + "b", prefix + "never" },
                Cursors = { { prefix + "a", 10 }, { prefix + "b", 0 } },
            },
            deadline: TestGrid.Deadline);
        var heard = await UntilEndedAsync(ear, 2);
        Assert.Equal(10, heard[prefix + "a"][0].Chunk);
        Assert.Equal(0, heard[prefix + "b"][0].Chunk);
        Assert.Equal(heard[prefix + "a"][^1].Chunk, heard[prefix + "b"][^1].Chunk);
    }

    [Fact]
    public async Task Tags_come_at_the_chosen_rate()
    {
        var name = NewPrefix();
        using var feed = await Feed.BeginAsync(Client, Babble.Config(name));
        await feed.SendBabbleAsync(0, Babble.Samples);
        await feed.FinishAsync();
        using var ear = Client.Subscribe(
            new SubscribeRequest
            {
                StreamId = name,
                FromChunk = 0,
                MinInterval = Duration.FromTimeSpan(TimeSpan.FromSeconds(3)),
                Filter = new TagFilter { Labels = { "Speech" }, MinScore = 1 },
            },
            deadline: TestGrid.Deadline);
        var heard = await UntilEndedAsync(ear, 1);

        // Chunks of 0.96 s: the first at or after 0 s, 3 s, 6.84 s … is every fourth.
        Assert.Equal([0L, 4L, 8L, 12L], heard[name].Select(tags => tags.Chunk));
    }

    [Fact]
    public async Task Streams_of_others_are_not_among_all_streams()
    {
        const string AnnesKey = "anne-0123456789abcdef";
        const string BobsKey = "bob-0123456789abcdef";
        await using var grid = await TestGrid.StartAsync(new()
        {
            ["Tenants:anne:KeyHashes:0"] = KeyHash.Create(AnnesKey).ToString(),
            ["Tenants:bob:KeyHashes:0"] = KeyHash.Create(BobsKey).ToString(),
        });
        var (anne, bob) = (new Metadata { { "x-api-key", AnnesKey } }, new Metadata { { "x-api-key", BobsKey } });
        using var his = await Feed.BeginAsync(grid.Client, Babble.Config("his"), bob);
        using var ear = grid.Client.Subscribe(new SubscribeRequest { AllStreams = true, FromChunk = 0 }, anne, TestGrid.Deadline);
        using var hers = await Feed.BeginAsync(grid.Client, Babble.Config("hers"), anne);
        foreach (var feed in new[] { his, hers })
        {
            await feed.SendBabbleAsync(0, 2 * Babble.SampleRateHz);
            await feed.FinishAsync();
        }
        await UntilAsync(ear, response =>
        {
            Assert.Equal("hers", response.StreamId);
            return response.Ended is not null;
        });
    }

    [Theory]
    [InlineData("more than one of", "a", "b")]
    [InlineData("'a/b' (3 characters)", "", "a/b")]
    public async Task A_selection_that_breaks_a_rule_is_refused(string fragment, string stream, string prefix)
    {
        using var ear = Client.Subscribe(new SubscribeRequest { StreamId = stream, Prefix = prefix }, deadline: TestGrid.Deadline);
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, fragment, () => ear.ResponseStream.MoveNext(CancellationToken.None));
    }

    [Fact]
    public async Task Options_that_break_a_rule_are_refused()
    {
        foreach (var (request, fragment) in new[]
        {
            (new SubscribeRequest { AllStreams = true, Cursors = { { "a", -1 } } }, "from_chunk is -1"),
            (new SubscribeRequest { AllStreams = true, MinInterval = new Duration { Seconds = -1 } }, "min_interval is -1 s"),
            (new SubscribeRequest { AllStreams = true, MinInterval = new Duration { Seconds = 3_601 } }, "min_interval is 3601 s"),
            (new SubscribeRequest { AllStreams = true, Slow = (SlowPolicy)9 }, "slow is 9"),
            (new SubscribeRequest { StreamIds = { Enumerable.Range(0, 1_001).Select(i => $"s{i}") } }, "1001 entries; at most 1000"),
        })
        {
            using var ear = Client.Subscribe(request, deadline: TestGrid.Deadline);
            await TestGrid.RefusesAsync(StatusCode.InvalidArgument, fragment, () => ear.ResponseStream.MoveNext(CancellationToken.None));
        }
    }

    private static TagFilter Dense => new() { Top = 0, Dense = true };

    private static string NewPrefix() => $"many-{Guid.NewGuid():N}-";

    private static async Task UntilAsync(AsyncServerStreamingCall<SubscribeResponse> ear, Func<SubscribeResponse, bool> holds)
    {
        do
        {
            Assert.True(await ear.ResponseStream.MoveNext(CancellationToken.None));
        }
        while (!holds(ear.ResponseStream.Current));
    }

    private static async Task<Dictionary<string, List<Tags>>> UntilEndedAsync(AsyncServerStreamingCall<SubscribeResponse> ear, int streams)
    {
        var heard = new Dictionary<string, List<Tags>>();
        while (streams > 0 && await ear.ResponseStream.MoveNext(CancellationToken.None))
        {
            var response = ear.ResponseStream.Current;
            if (response.Tags is { } tags)
            {
                (heard.TryGetValue(response.StreamId, out var list) ? list : heard[response.StreamId] = []).Add(tags);
            }
            streams -= response.Ended is null ? 0 : 1;
            Assert.Null(response.Dropped);
        }
        return heard;
    }
}
