using System.Globalization;
using Dass.Grid.Cluster.Tests.Support;

namespace Dass.Grid.Cluster.Tests.Web;

/// <summary>A browser that comes back with the id of the last event that it has had.</summary>
public sealed class EventStreamTests : IAsyncLifetime
{
    private TestGrid _grid = null!;
    private Page _page = null!;

    public async Task InitializeAsync()
    {
        _grid = await TestGrid.StartAsync(new() { ["Grid:HttpListen"] = "http://127.0.0.1:0" });
        _page = new Page(_grid.Host.HttpAddress!);
    }

    public async Task DisposeAsync()
    {
        _page.Dispose();
        await _grid.DisposeAsync();
    }

    [Fact]
    public async Task Another_stream_of_the_id_is_heard_from_its_first_chunk_wherever_the_one_before_was()
    {
        using var feed = await FeedAsync("yard");
        Assert.Equal(Chunks(feed), await ReadAsync("stream_id=yard", $"{Id(feed, seconds: -60)},yard:500"));
        Assert.Equal(Chunks(feed).Skip(3), await ReadAsync("stream_id=yard", $"{Id(feed, seconds: 60)},yard:3"));
    }

    private async Task<Feed> FeedAsync(string name)
    {
        var feed = await Feed.BeginAsync(_grid.Client, Babble.Config(name));
        await feed.SendBabbleAsync(0, Babble.Samples);
        await feed.FinishAsync();
        return feed;
    }

    private static IEnumerable<long> Chunks(Feed feed) => feed.Tags.Select(tags => tags.Chunk);

    /// <summary>The id of an event that came so long after the stream's begin.</summary>
    private static string Id(Feed feed, int seconds) =>
        $"@{feed.Ready.Begun.ToDateTimeOffset().AddSeconds(seconds).ToUnixTimeMilliseconds()}";

    private async Task<List<long>> ReadAsync(string selection, string lastId)
    {
        var chunks = new List<long>();
        await foreach (var (_, kind, data) in _page.EventsAsync($"/v1/subscribe?{selection}&top=1", lastId))
        {
            if (kind == "ended")
            {
                break;
            }
            if (kind == "tags")
            {
                chunks.Add(long.Parse(data.GetProperty("tags").GetProperty("chunk").GetString()!, CultureInfo.InvariantCulture));
            }
        }
        return chunks;
    }
}
