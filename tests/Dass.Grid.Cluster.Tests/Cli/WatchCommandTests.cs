using System.Text.Json;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Host;

namespace Dass.Grid.Cluster.Tests.Cli;

public class WatchCommandTests
{
    [Fact]
    public async Task Several_streams_are_watched_at_once_and_each_line_names_its_stream()
    {
        await using var grid = await TestGrid.StartAsync();
        string[] to = ["--grid", grid.Host.Address.ToString()];
        var streamed = (await Dass.RunAsync(["stream", Dass.Babble, "--stream-id", "yard-1", "--format", "json", .. to])).Lines;
        await Dass.RunAsync(["stream", Dass.Babble, "--stream-id", "street", .. to]);
        using var watch = Dass.Start([], ["watch", "--prefix", "yard-", "--from-chunk", "0", "--format", "json", .. to]);
        var lines = new List<JsonElement>();
        async Task ReadSummariesAsync(int count)
        {
            while (lines.Count(line => Text(line, "type") == "summary") < count)
            {
                lines.Add(JsonDocument.Parse((await watch.LineAsync())!).RootElement);
            }
        }
        await ReadSummariesAsync(1);
        await Dass.RunAsync(["stream", Dass.Babble, "--stream-id", "yard-2", .. to]); // begins while it is watched
        await ReadSummariesAsync(2);
        watch.Terminate();

        Assert.Equal(130, (await watch.ResultAsync()).ExitCode);
        Assert.Equal(["yard-1", "yard-2"], lines.Select(line => Text(line, "stream_id")).Distinct());
        foreach (var stream in new[] { "yard-1", "yard-2" })
        {
            var own = lines.Where(line => Text(line, "stream_id") == stream).Skip(1).Select(
                line => line.GetRawText().Replace($"\"stream_id\":\"{stream}\",", "", StringComparison.Ordinal));
            Assert.Equal(streamed[1..], own);
        }
    }

    [Fact]
    public async Task A_grid_that_has_answered_or_is_told_of_is_waited_for()
    {
        var address = $"http://127.0.0.1:{EmbeddedGrid.FreePort()}";
        var settings = new Dictionary<string, string?> { ["Grid:Listen"] = address };
        string[] to = ["--grid", address, "--from-chunk", "0", "--format", "json"]; // from the beginning: they may come after the end
        var absent = await Dass.RunAsync("watch", "--all", "--grid", address);
        Assert.Equal(1, absent.ExitCode);
        Assert.Contains("the grid cannot be reached", absent.Errors, StringComparison.Ordinal);

        using var early = Dass.Start([], ["watch", "--all", "--give-up-after", "5m", .. to]);
        await early.ErrorAsync("stream of several is interrupted");
        Dass late;
        await using (var first = await TestGrid.StartAsync(settings))
        {
            late = Dass.Start([], ["watch", "--prefix", "o", .. to]);
            await Dass.RunAsync("stream", Dass.Babble, "--stream-id", "one", "--grid", address);
            await UntilSummaryAsync(early, "one");
            await UntilSummaryAsync(late, "one");
        }
        using var after = late;
        await late.ErrorAsync("stream of several is interrupted");
        await using var second = await TestGrid.StartAsync(settings);
        await Dass.RunAsync("stream", Dass.Babble, "--stream-id", "other", "--grid", address);
        await UntilSummaryAsync(early, "other");
        await UntilSummaryAsync(late, "other");
    }

    [Fact]
    public async Task A_csv_has_one_header_also_when_the_connection_has_come_back()
    {
        var broken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var grid = await TestGrid.StartAsync();
        await using var relay = new BreakingRelay(new Route(grid.Host.Address, Breaks: broken.Task), new Route(grid.Host.Address));
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config("yard"));
        await feed.SendBabbleAsync(0, Babble.Samples / 2);
        using var watch = Dass.Start(
            [], "watch", "--stream-id", "yard", "--from-chunk", "0", "--top", "1", "--format", "csv", "--grid", relay.Address);
        const string header = "chunk,start,end,label,window_score";
        Assert.Equal(header, await watch.LineAsync());
        Assert.StartsWith("0,", await watch.LineAsync(), StringComparison.Ordinal);

        broken.SetResult();
        await watch.ErrorAsync("stream yard is interrupted");
        await feed.SendBabbleAsync(Babble.Samples / 2, Babble.Samples);
        await feed.FinishAsync();

        var result = await watch.ResultAsync();
        Assert.True(result.ExitCode == 0, result.Errors);
        Assert.DoesNotContain(header, result.Lines);
        Assert.Equal(Enumerable.Range(1, 15), result.Lines.Select(line => int.Parse(line.Split(',')[0])));
    }

    [Theory]
    [InlineData]
    [InlineData("--all", "--prefix", "x")]
    [InlineData("--stream-id", "x", "--all")]
    public async Task Which_streams_must_be_said_in_one_way(params string[] ways)
    {
        var refused = await Dass.RunAsync(["watch", .. ways]);
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("give --stream-id, --prefix or --all", refused.Errors);
    }

    private static async Task UntilSummaryAsync(Dass watch, string stream)
    {
        JsonElement line;
        do
        {
            line = JsonDocument.Parse((await watch.LineAsync())!).RootElement;
        }
        while (Text(line, "type") != "summary" || Text(line, "stream_id") != stream);
    }

    private static string? Text(JsonElement line, string name) => line.GetProperty(name).GetString();
}
