using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Contracts;
using Dass.Grid.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Streams;

/// <summary>A client that has lost audio says so and goes on.</summary>
public sealed class LossTests : IDisposable
{
    private const int Rate = Babble.SampleRateHz;
    private const int Lost = 5 * Rate; // where audio is lost
    private const int Short = Lost + Rate; // and where it goes on
    private const int Long = Lost + 4 * Rate;
    private const int Origin = 153_600; // the first chunk of 0.96 s that lies wholly behind it
    private const int OriginChunk = 10;
    private const int Before = 4; // chunks that can be tagged without the lost audio

    private readonly StoreFolder _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task A_short_loss_is_heard_as_silence_in_its_place()
    {
        await using var grid = await TestGrid.StartAsync();
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id));
        await feed.SendBabbleAsync(0, Lost);
        await SendAfterLossAsync(feed, Short, Babble.Samples);
        var summary = await feed.FinishAsync();

        var audio = Babble.Pcm.ToArray();
        audio.AsSpan(Lost * 2, (Short - Lost) * 2).Clear();
        BareSession.AssertEqual(await BareSession.HearAsync(TestGrid.TinyModel, audio), feed.Tags, summary);
        Assert.Empty(feed.Gaps);
        AssertLost(feed.Tags);
    }

    [Fact]
    public async Task Audio_after_a_loss_of_a_stream_that_has_been_closed_is_refused()
    {
        await using var grid = await TestGrid.StartAsync();
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id), patience: TimeSpan.FromSeconds(20));
        await feed.SendBabbleAsync(0, Lost);
        await feed.AppliedAsync(Lost);
        await grid.Client.CloseStreamAsync(new CloseStreamRequest { StreamId = Yard.Id });
        await SendAfterLossAsync(feed, Long, Babble.Samples);
        await TestGrid.RefusesAsync(StatusCode.FailedPrecondition, "has ended", feed.ReadToEndAsync);
    }

    /// <summary>
    /// A message of 32 bytes claims two seconds, 12.3 MB of bytes in the stream's format; AudioSequenceTests measures that none are made.
    /// </summary>
    [Fact]
    public async Task Losses_of_the_largest_format_are_said_of_their_chunks()
    {
        const int Messages = 40, Frame = 8 * sizeof(float), Step = 2 * 192_000 + 1;
        await using var grid = await TestGrid.StartAsync();
        using var feed = await Feed.BeginAsync(grid.Client, new StreamConfig
        {
            StreamId = Yard.Id,
            Format = new AudioFormat { Encoding = Encoding.Float32, SampleRateHz = 192_000, Channels = 8 },
        });
        for (var i = 1; i <= Messages; i++)
        {
            await SendAsync(i);
        }
        Assert.Empty(feed.Gaps);
        Assert.Equal(Messages * 2, feed.Tags.Sum(tags => tags.LostSeconds), 2.0);

        async Task SendAsync(int i)
        {
            await feed.SendAsync(new StreamRequest
            {
                Audio = new Audio { FirstSample = (long)i * Step - 1, AfterLoss = true, Data = ByteString.CopyFrom(new byte[Frame]) },
            });
            await feed.AppliedAsync((long)i * Step);
        }
    }

    [Theory]
    [InlineData(Lost / 2)] // sent again, and heard again as silence
    [InlineData(Short + 100)] // of chunks that are still to be tagged
    [InlineData(Babble.SampleRateHz * 10)] // of chunks that have been tagged
    public async Task A_short_loss_is_said_of_its_chunks_also_when_the_stream_goes_on_from_a_checkpoint(int checkpoint)
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings());
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id));
        var stream = Yard.Grain(grid);
        foreach (var (from, to) in new[]
        {
            (0, Lost / 2),
            (Lost / 2, Lost),
            (Short, Short + 100),
            (Short + 100, 10 * Rate),
            (10 * Rate, 11 * Rate),
        })
        {
            await SendAfterLossAsync(feed, from, to);
            await feed.AppliedAsync(to);
            if (to == checkpoint)
            {
                Assert.Equal(to, (await stream.Checkpoint(attachment: 1)).Value?.Sample);
            }
        }
        _store.WriteAgain();
        Assert.Equal(RefusalCode.Moved, (await stream.Checkpoint(attachment: 1)).Refusal?.Code);
        await feed.SendBabbleAsync(11 * Rate, Babble.Samples);
        await feed.FinishAsync();

        AssertLost(feed.Tags);
        using var ear = grid.Client.Subscribe(new SubscribeRequest { StreamId = Yard.Id, FromChunk = 0 }, deadline: TestGrid.Deadline);
        var heard = new List<Tags>();
        while (await ear.ResponseStream.MoveNext(CancellationToken.None))
        {
            heard.AddRange(ear.ResponseStream.Current.Tags is { } tags ? [tags] : []);
        }
        AssertLost(heard);
    }

    [Fact]
    public async Task After_a_long_loss_the_stream_begins_again_in_its_place()
    {
        await using var grid = await TestGrid.StartAsync();
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id));
        using var ear = grid.Client.Subscribe(
            new SubscribeRequest { StreamId = Yard.Id, FromChunk = 0, Filter = new TagFilter { Top = 0, Dense = true } },
            deadline: TestGrid.Deadline);
        Assert.True(await ear.ResponseStream.MoveNext(CancellationToken.None));
        await feed.SendBabbleAsync(0, Lost);
        await SendAfterLossAsync(feed, Long, Long + Rate);
        await feed.SendBabbleAsync(Long + Rate, Babble.Samples);
        await feed.FinishAsync();

        await AssertHeardAsync(feed.Tags, Assert.Single(feed.Gaps));
        var (heard, gap) = (new List<Tags>(), default(Gap));
        while (await ear.ResponseStream.MoveNext(CancellationToken.None))
        {
            gap = ear.ResponseStream.Current.Gap ?? gap;
            heard.AddRange(ear.ResponseStream.Current.Tags is { } tags ? [tags] : []);
        }
        await AssertHeardAsync(heard, gap!);
    }

    [Fact]
    public async Task A_loss_is_told_once_when_the_stream_is_heard_again_from_its_checkpoint()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings());
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id));
        var stream = Yard.Grain(grid);
        await feed.SendBabbleAsync(0, Lost / 2);
        await feed.AppliedAsync(Lost / 2);
        Assert.Equal(Lost / 2, (await stream.Checkpoint(attachment: 1)).Value?.Sample);
        await feed.SendBabbleAsync(Lost / 2, Lost);
        await SendAfterLossAsync(feed, Long, Long + Rate);
        await feed.SendBabbleAsync(Long + Rate, Long + 2 * Rate);
        await feed.AppliedAsync(Long + 2 * Rate);

        // The silo must let go of the state that it has, and takes up that of the checkpoint, from before the loss.
        _store.WriteAgain();
        Assert.Equal(RefusalCode.Moved, (await stream.Checkpoint(attachment: 1)).Refusal?.Code);
        await feed.SendBabbleAsync(Long + 2 * Rate, Babble.Samples);
        await feed.FinishAsync();

        await AssertHeardAsync(feed.Tags, Assert.Single(feed.Gaps));
        Assert.All(feed.Events.GroupBy(sound => sound.Id), sound => Assert.Single(sound, each => each.Kind == EventKind.Closed));
    }

    [Fact]
    public async Task What_comes_after_a_loss_that_the_stream_does_not_have_is_audio_like_any_other()
    {
        await using var grid = await TestGrid.StartAsync();
        using (var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id)))
        {
            await feed.SendBabbleAsync(0, Lost);
            await feed.AppliedAsync(Lost);
        }
        using var again = await Feed.BeginAsync(
            grid.Client, new StreamConfig { StreamId = Yard.Id, FromChunk = 0, Filter = new TagFilter { Top = 0, Dense = true } });
        await SendAfterLossAsync(again, Lost / 2, Babble.Samples);
        await BareSession.AssertEqualAsync(again.Tags, await again.FinishAsync());
        Assert.Empty(again.Gaps);
    }

    /// <summary>The lost second lies in two chunks of 0.96 s.</summary>
    private static void AssertLost(IReadOnlyList<Tags> tags)
    {
        Assert.Equal(16, tags.Count);
        Assert.All(tags, each => Assert.Equal(each.Chunk switch { 5 => 0.76, 6 => 0.24, _ => 0 }, each.LostSeconds, 1e-9));
    }

    private static Task SendAfterLossAsync(Feed feed, int from, int to) => feed.SendAsync(new StreamRequest
    {
        Audio = new Audio { FirstSample = from, AfterLoss = true, Data = ByteString.CopyFrom(Babble.Slice(from, to - from).Span) },
    });

    private static async Task AssertHeardAsync(IReadOnlyList<Tags> tags, Gap gap)
    {
        Assert.Equal((Lost, Origin, OriginChunk), (gap.FromSample, gap.ToSample, gap.NextChunk));
        var (before, _) = await BareSession.HearAsync(TestGrid.TinyModel);
        var (after, _) = await BareSession.HearAsync(TestGrid.TinyModel, Origin);
        var expected = before.Take(Before).Concat(after).ToArray();
        Assert.Equal([.. Enumerable.Range(0, Before), .. Enumerable.Range(OriginChunk, after.Count)], tags.Select(each => (int)each.Chunk));
        foreach (var (chunk, each) in expected.Zip(tags))
        {
            BareSession.AssertClose(chunk.Scores, each.DenseChunkScores);
            BareSession.AssertClose(chunk.WindowScores, each.DenseWindowScores);
        }
    }
}
