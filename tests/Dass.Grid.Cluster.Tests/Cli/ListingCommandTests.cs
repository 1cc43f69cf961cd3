using System.Text.Json;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Cli;

/// <summary>Streams, models, usage, silos; events that are counted, limited and followed; keys.</summary>
public sealed class ListingCommandTests : IAsyncLifetime
{
    private const string AdminKey = "admin-0123456789abcdef";
    private const string Key = "anne-0123456789abcdef";

    private static readonly Metadata Anne = new() { { "authorization", $"Bearer {Key}" } };
    private static readonly DateTimeOffset Captured = new(2026, 3, 1, 12, 59, 55, TimeSpan.Zero);

    private TestGrid _grid = null!;

    public async Task InitializeAsync() => _grid = await TestGrid.StartAsync(new()
    {
        ["Admin:KeyHashes:0"] = KeyHash.Create(AdminKey).ToString(),
        ["Tenants:anne:KeyHashes:0"] = KeyHash.Create(Key).ToString(),
    });

    public async Task DisposeAsync() => await _grid.DisposeAsync();

    [Fact]
    public async Task Streams_models_and_usage_are_listed_and_a_stream_is_closed()
    {
        using var feed = await FeedAsync("yard");
        var streams = await RunAsync("streams", "--prefix", "ya", "--format", "json");
        Assert.Equal("yard", Assert.Single(Json(streams)).GetProperty("stream_id").GetString());
        Assert.Empty((await RunAsync("streams", "--prefix", "street", "--format", "json")).Lines);
        Assert.Equal(["stream,state,model,begun,last_audio,level_dBFS,heard"], (await RunAsync("streams", "--format", "csv")).Lines[..1]);
        await TestGrid.UntilAsync(async () => (await _grid.Client.ListStreamsAsync(new ListStreamsRequest(), Anne)).Streams is
            [{ Health.Attached: true }]); // a listing may be of a moment before
        Assert.Contains(" live ", (await RunAsync("streams", "--live")).Output, StringComparison.Ordinal);
        Assert.Equal("tiny", Assert.Single(Json(await RunAsync("models", "--format", "json"))).GetProperty("name").GetString());
        Assert.Equal(0, (await RunAsync("close", "yard", "--top", "2")).ExitCode);
        Assert.Empty((await RunAsync("streams", "--live", "--format", "json")).Lines);
        await TestGrid.UntilAsync(async () => (await _grid.Client.GetUsageAsync(new GetUsageRequest(), Anne)).Models.Count > 0);
        Assert.Contains("tiny", (await RunAsync("usage", "--format", "json")).Output, StringComparison.Ordinal);
        var unknown = await RunAsync("close", "nosuch");
        Assert.Equal(1, unknown.ExitCode);
        Assert.Contains("stream 'nosuch' is unknown", unknown.Errors);
    }

    [Fact]
    public async Task Silos_are_listed_and_one_alone_is_not_drained()
    {
        var silo = Assert.Single(Json(await AdminAsync("silos", "--format", "json"))).GetProperty("name").GetString()!;
        var only = await AdminAsync("drain", silo);
        Assert.Equal(1, only.ExitCode);
        Assert.Contains("is the only one that takes streams", only.Errors);
        Assert.Contains("active", (await AdminAsync("drain", silo, "--call-off")).Output);
    }

    [Fact]
    public async Task Events_are_counted_limited_and_followed()
    {
        using var feed = await FeedAsync("yard");
        await feed.FinishAsync();
        var closed = feed.Events.Where(sound => sound.Kind == EventKind.Closed).ToArray();
        string[] range = ["--from", "2026-03-01", "--to", "2026-03-02"];
        var march = new EventSelection { From = Captured.AddHours(-1).ToTimestamp(), To = Captured.AddHours(1).ToTimestamp() };
        await TestGrid.UntilAsync(async () =>
            (await _grid.Client.ListEventsAsync(new ListEventsRequest { Selection = march, PageSize = 1_000 }, Anne)).Events.Count
                >= Math.Min(closed.Length, 1_000));

        var byLabel = Json(await RunAsync(["events", .. range, "--by", "label", "--format", "json"]));
        Assert.Equal(
            closed.GroupBy(sound => sound.Label).OrderBy(group => group.Key, StringComparer.Ordinal)
                .Select(group => (group.Key, group.Count())),
            byLabel.Select(row => (row.GetProperty("label").GetString()!, row.GetProperty("events").GetInt32())));
        var byHour = await RunAsync(["events", .. range, "--by", "hour,stream", "--format", "csv"]);
        Assert.Equal("hour,stream,events,seconds,peak", byHour.Lines[0]);
        Assert.Equal(
            ["2026-03-01 12:00Z,yard", "2026-03-01 13:00Z,yard"],
            byHour.Lines.Skip(1).Select(line => string.Join(',', line.Split(',')[..2])));
        Assert.Equal(closed.Length, byHour.Lines.Skip(1).Sum(line => int.Parse(line.Split(',')[2])));
        var wrong = await RunAsync(["events", "--by", "labl"]);
        Assert.Equal(2, wrong.ExitCode);
        Assert.Contains("Did you mean 'label'?", wrong.Errors);

        var newest = Json(await RunAsync(["events", .. range, "--limit", "2", "--format", "json"]));
        var all = Json(await RunAsync(["events", .. range, "--format", "json"]));
        Assert.Equal(closed.Length, all.Length);
        Assert.Equal(
            all.Select(row => row.GetProperty("onset").GetDateTime()).Order().TakeLast(2),
            newest.Select(row => row.GetProperty("onset").GetDateTime()));

        // A grid that is not there is a mistake.
        var nowhere = await Dass.RunAsync("events", "--follow", "--grid", "http://127.0.0.1:1");
        Assert.Equal(1, nowhere.ExitCode);
        Assert.Contains("the grid cannot be reached", nowhere.Errors);

        // Kept ones come first, and those that end from now on behind them, none of them twice.
        using var limited = Start("events", "--follow", "--prefix", "lim", "--from", "2026-03-01", "--limit", "1000", "--format", "csv");
        using var limit = await FeedAsync("limit");
        await limit.FinishAsync();
        var both = limit.Events.Where(sound => sound.Kind == EventKind.Closed).Select(sound => sound.Id).Order().ToArray();
        var rows = new List<string>();
        Assert.StartsWith("stream", await limited.LineAsync(), StringComparison.Ordinal);
        while (rows.Count < both.Length)
        {
            rows.Add((await limited.LineAsync())!);
        }
        Assert.Equal(both.Length, rows.Distinct().Count());

        // It follows from when it has begun on: streams come until one of them is told.
        using var following = Start("events", "--follow", "--prefix", "str", "--format", "json");
        var told = following.LineAsync();
        var ids = new Dictionary<string, HashSet<string>>();
        for (var i = 0; !told.IsCompleted; i++)
        {
            using var street = await FeedAsync($"street-{i}");
            await street.FinishAsync();
            ids[$"street-{i}"] = [.. street.Events.Where(sound => sound.Kind == EventKind.Closed).Select(sound => sound.Id)];
            await Task.WhenAny(told, Task.Delay(500));
        }
        var line = JsonDocument.Parse((await told)!).RootElement;
        Assert.Contains(line.GetProperty("event_id").GetString()!, ids[line.GetProperty("stream_id").GetString()!]);
        Assert.Equal(2026, line.GetProperty("onset").GetDateTime().Year);
    }

    [Fact]
    public async Task A_key_is_made_and_its_hash_is_known_again()
    {
        var made = await Dass.RunAsync("key", "new");
        var key = Assert.Single(made.Lines);
        var hash = await Dass.RunAsync(System.Text.Encoding.UTF8.GetBytes(key + "\n"), "hash-key");
        Assert.True(KeyHash.Parse(hash.Lines[0])!.Matches(key));
        Assert.True(KeyHash.Parse(made.Errors.Trim().Split(' ')[^1])!.Matches(key));
        Assert.NotEqual(key, (await Dass.RunAsync("key", "new")).Lines[0]);
        var weak = await Dass.RunAsync("weak\n"u8.ToArray(), "hash-key");
        Assert.Equal(2, weak.ExitCode);
        Assert.Contains("at least 16", weak.Errors);
    }

    private async Task<Feed> FeedAsync(string stream)
    {
        var config = Babble.Config(stream);
        config.CaptureTime = Captured.ToTimestamp();
        config.Events = new EventRule { On = 0.5f, MinDuration = new Duration() };
        var feed = await Feed.BeginAsync(_grid.Client, config, Anne);
        await feed.SendBabbleAsync(0, Babble.Samples);
        await feed.AppliedAsync(Babble.Samples);
        return feed;
    }

    private Dass Start(params string[] arguments) =>
        Dass.Start([("DASS_API_KEY", Key)], [.. arguments, "--grid", $"{_grid.Host.Address}"]);

    private async Task<Dass.Result> RunAsync(params string[] arguments)
    {
        using var dass = Start(arguments);
        return await dass.ResultAsync();
    }

    private async Task<Dass.Result> AdminAsync(params string[] arguments)
    {
        using var dass = Dass.Start([("DASS_API_KEY", AdminKey)], ["admin", .. arguments, "--grid", $"{_grid.Host.Address}"]);
        return await dass.ResultAsync();
    }

    private static JsonElement[] Json(Dass.Result result)
    {
        Assert.True(result.ExitCode == 0, result.Errors);
        return [.. result.Lines.Select(line => JsonDocument.Parse(line).RootElement)];
    }
}
