using Dass.Grid.Client;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Client;

/// <summary>Audio of a live source waits in a tape on disk while the grid is away.</summary>
[Collection(SharedGridCollection.Name)]
public sealed class LiveTapeTests(SharedGrid shared) : IDisposable
{
    private const int Second = Babble.SampleRateHz * sizeof(short);
    private static readonly TimeSpan Buffer = TimeSpan.FromSeconds(2);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dass-tape-");
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task Nothing_is_lost_and_every_sample_has_its_time()
    {
        var (tags, gaps, feed) = await FeedAsync("taped", seconds: 60, TimeSpan.FromMinutes(10));
        Assert.Equal((TimeSpan.Zero, TimeSpan.Zero), (feed.Dropped, feed.Missing));
        Assert.Empty(gaps);
        Assert.Equal(Enumerable.Range(0, tags.Count).Select(index => (long)index), tags.Select(each => each.Chunk));
        Assert.All(tags, each => Assert.Equal(0, each.LostSeconds));
        Assert.InRange(tags[^1].EndSeconds, 58, 60);

        // The samples themselves: the same as those of a stream that was fed without a break.
        var config = Babble.Config("untaped");
        config.Filter = new TagFilter { Dense = true };
        using var plain = await Feed.BeginAsync(shared.Client, config);
        await plain.SendAsync(Babble.Slice(0, 10 * Babble.SampleRateHz));
        await plain.AppliedAsync(10 * Babble.SampleRateHz);
        Assert.Equal(Scores(plain.Tags), Scores(tags), (one, other) => Math.Abs(one - other) < 1e-5);
        Assert.Empty(_directory.GetFiles());
    }

    [Fact]
    public async Task The_tape_is_bounded_and_what_is_dropped_is_a_gap_in_its_place()
    {
        var (tags, gaps, feed) = await FeedAsync("bounded", seconds: 60, TimeSpan.FromSeconds(20));
        Assert.InRange(feed.Dropped.TotalSeconds, 30, 45);
        Assert.InRange(tags[^1].EndSeconds, 58, 60);
        var gap = Assert.Single(gaps);
        var lost = (gap.ToSample - gap.FromSample) / (double)Babble.SampleRateHz;
        Assert.InRange(lost - feed.Dropped.TotalSeconds, -0.01, 2 * 0.96); // the stream goes on with a whole chunk
        Assert.Equal(gap.ToSample, Math.Round(tags.Single(each => each.Chunk == gap.NextChunk).StartSeconds * Babble.SampleRateHz));
        Assert.Empty(_directory.GetFiles());
    }

    [Fact]
    public void A_tape_that_cannot_be_written_for_a_while_goes_on_and_leaves_those_of_other_streams_alone()
    {
        var away = Path.Combine(_directory.FullName, "away");
        Directory.CreateDirectory(Path.Combine(away, "yard.1.000000.tape")); // a directory: what tried to delete it would throw
        using var spool = new LiveSpool(away, "yard", capacity: 1 << 20);
        var lost = 0L;
        for (var piece = 0; piece < 60; piece++)
        {
            if (piece == 10)
            {
                Directory.Move(away, away + "-gone");
            }
            if (piece == 40)
            {
                Directory.Move(away + "-gone", away);
            }
            lost += spool.Add(new LivePiece(0, piece * 8_192, Enumerable.Repeat((byte)piece, 16_384).ToArray()));
        }
        var kept = new List<LivePiece>();
        while (spool.Take() is { } next)
        {
            kept.Add(next);
        }
        Assert.True(lost > 0);
        Assert.Equal(60 * 16_384, lost + kept.Sum(each => each.Data.Length));
        Assert.Equal(59 * 8_192, kept[^1].Position);
        Assert.All(kept, each => Assert.All(each.Data.ToArray(), value => Assert.Equal(each.Position / 8_192, value)));
    }

    /// <summary>A source plays while the grid is away; then the grid comes, and the source is over.</summary>
    private async Task<(List<Tags> Tags, List<Gap> Gaps, LiveFeed Feed)> FeedAsync(string id, int seconds, TimeSpan tape)
    {
        await using var relay = new HoldingRelay(shared.Grid.Host.Address, away: true);
        using var grid = new GridClient(relay.Address);
        var config = new StreamConfig { StreamId = id, Model = "tiny", Filter = new TagFilter { Dense = true } };
        using var feed = new LiveFeed(grid, Babble.Config(id).Format, config, new LiveFeedOptions
        {
            Time = _time, Buffer = Buffer, TapeDirectory = _directory.FullName, Tape = tape,
        });
        var (tags, gaps) = (new List<Tags>(), new List<Gap>());
        using var deadline = new CancellationTokenSource(TestGrid.Patience);
        var running = Task.Run(async () =>
        {
            await foreach (var answer in feed.RunAsync(deadline.Token))
            {
                tags.AddRange(answer.Tags is { } each ? [each] : []);
                gaps.AddRange(answer.Gap is { } gap ? [gap] : []);
            }
        });
        for (var played = 0; played < seconds * 10; played++)
        {
            _time.Advance(TimeSpan.FromSeconds(0.1));
            feed.Write(Babble.Slice(played % 100 * (Babble.SampleRateHz / 10), Babble.SampleRateHz / 10).Span);
        }
        await TestGrid.UntilAsync(() => relay.Refused > 0);
        Assert.InRange(_directory.GetFiles().Sum(file => file.Length), 1, (tape + Buffer).TotalSeconds * Second * 1.1);
        relay.Pass();
        feed.Complete();
        await TestGrid.UntilAsync(() => running.IsCompleted, () =>
        {
            _time.Advance(TimeSpan.FromSeconds(1)); // of the pauses between attempts
            return Task.Delay(20);
        });
        await running;
        return (tags, gaps, feed);
    }

    private static IEnumerable<float> Scores(IEnumerable<Tags> tags) => tags.Take(8).SelectMany(each => each.DenseChunkScores);
}
