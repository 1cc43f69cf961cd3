using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Streams;

[Collection(SharedGridCollection.Name)]
public sealed class StreamTests(SharedGrid shared)
{
    private readonly Tagging.TaggingClient _client = shared.Client;

    [Fact]
    public async Task A_stream_through_the_grid_says_what_the_bare_session_says()
    {
        using var feed = await Feed.BeginAsync(_client, Babble.Config());
        await feed.SendBabbleAsync(0, Babble.Samples);
        var summary = await feed.FinishAsync();

        await BareSession.AssertEqualAsync(feed.Tags, summary);
        Assert.Equal(Babble.Samples, feed.Applied);
    }

    [Fact]
    public async Task One_message_of_all_audio_says_the_same_as_small_ones()
    {
        using var feed = await Feed.BeginAsync(_client, Babble.Config());
        await feed.SendAsync(Babble.Pcm);
        await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
    }

    [Fact]
    public async Task Ready_names_what_was_left_to_the_grid()
    {
        using var feed = await Feed.BeginAsync(_client, Babble.Config());

        Assert.NotEmpty(feed.Ready.StreamId);
        Assert.Equal(0, feed.Ready.NextSample);
        Assert.Equal(0, feed.Ready.NextChunk);
        Assert.Equal("tiny", feed.Ready.Model.Name);
        Assert.Equal(527, feed.Ready.Model.LabelCount);
        Assert.Equal(TimeSpan.FromSeconds(0.96), feed.Ready.Chunk.ToTimeSpan());
        Assert.Equal(TimeSpan.FromSeconds(0.64), feed.Ready.LookAhead.ToTimeSpan());
        Assert.Equal(Babble.Format, feed.Ready.Format);
    }

    [Fact]
    public async Task A_client_that_vanished_comes_back_and_nothing_is_lost_or_doubled()
    {
        var half = Babble.Samples / 2;
        var tags = new List<Tags>();
        using (var first = await Feed.BeginAsync(_client, Babble.Config("resumed")))
        {
            await first.SendBabbleAsync(0, half);
            await first.AppliedAsync(half);
            tags.AddRange(first.Tags);
        }

        var config = new StreamConfig { StreamId = "resumed", Filter = new TagFilter { Top = 0, Dense = true }, FromChunk = tags.Count };
        using var second = await Feed.BeginAsync(_client, config);
        Assert.Equal(half, second.Ready.NextSample);
        await second.SendBabbleAsync(half, Babble.Samples);
        var summary = await second.FinishAsync();

        tags.AddRange(second.Tags);
        await BareSession.AssertEqualAsync(tags, summary);
    }

    [Fact]
    public async Task Audio_that_the_stream_has_already_may_be_sent_again()
    {
        var half = Babble.Samples / 2;
        using var first = await Feed.BeginAsync(_client, Babble.Config("overlap"));
        await first.SendBabbleAsync(0, half);
        await first.EndAsync();

        using var second = await Feed.BeginAsync(_client, Babble.Config("overlap"));
        await second.SendAsync(Babble.Slice(1_000, 200_000), firstSample: 1_000);
        await second.SendAsync(Babble.Slice(201_000, Babble.Samples));
        var summary = await second.FinishAsync();

        await BareSession.AssertEqualAsync([.. first.Tags, .. second.Tags], summary);
    }

    [Fact]
    public async Task Tags_that_a_client_has_missed_are_sent_again_from_the_chunk_that_it_names()
    {
        using (var first = await Feed.BeginAsync(_client, Babble.Config("repeated")))
        {
            await first.SendBabbleAsync(0, Babble.Samples);
            await first.EndAsync();
        }
        var config = Babble.Config("repeated");
        config.FromChunk = 0;
        using var second = await Feed.BeginAsync(_client, config);
        await BareSession.AssertEqualAsync(second.Tags, await second.FinishAsync());
    }

    [Fact]
    public async Task A_half_closed_call_leaves_the_stream_open_and_ends_without_a_summary()
    {
        using var feed = await Feed.BeginAsync(_client, Babble.Config("half-closed"));
        await feed.SendBabbleAsync(0, 32_000);
        await feed.EndAsync();

        Assert.Null(feed.Summary);
        var info = await _client.GetStreamAsync(new GetStreamRequest { StreamId = "half-closed" });
        Assert.Equal(StreamState.Live, info.Entry.State);
        Assert.Equal(32_000, info.NextSample);
    }

    [Fact]
    public async Task A_later_call_takes_the_stream_over_and_the_earlier_one_is_told()
    {
        using var first = await Feed.BeginAsync(_client, Babble.Config("taken"));
        using var second = await Feed.BeginAsync(_client, Babble.Config("taken"));

        await first.SendAsync(Babble.Slice(0, 1_600));
        await TestGrid.RefusesAsync(StatusCode.Aborted, "'taken' has been taken over", first.ReadToEndAsync);

        await second.SendBabbleAsync(0, Babble.Samples);
        await BareSession.AssertEqualAsync(second.Tags, await second.FinishAsync());
    }

    [Fact]
    public async Task Closing_a_stream_answers_with_its_summary_as_often_as_asked()
    {
        using var feed = await Feed.BeginAsync(_client, Babble.Config("closed"));
        await feed.SendBabbleAsync(0, Babble.Samples);
        await feed.EndAsync();

        var request = new CloseStreamRequest { StreamId = "closed", Filter = new TagFilter { Dense = true } };
        var first = await _client.CloseStreamAsync(request);
        var second = await _client.CloseStreamAsync(request);

        Assert.Equal(EndReason.Closed, first.Reason);
        Assert.Equal(first, second);
        Assert.True(first.Summary.Chunks > feed.Tags.Count, "The tail is tagged too.");
    }

    [Fact]
    public async Task Many_streams_at_once_do_not_mix()
    {
        var feeds = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            using var feed = await Feed.BeginAsync(_client, Babble.Config());
            await feed.SendBabbleAsync(0, Babble.Samples);
            return (feed.Tags, Summary: await feed.FinishAsync());
        }));
        foreach (var (tags, summary) in feeds)
        {
            await BareSession.AssertEqualAsync(tags, summary);
        }
    }
}
