using System.Text.Json;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;

namespace Dass.Grid.Cluster.Tests.Cli;

public sealed class LoadCommandTests : IDisposable
{
    private readonly DirectoryInfo _keys = Directory.CreateTempSubdirectory("dass-load-");

    public void Dispose() => _keys.Delete(recursive: true);

    [Fact]
    public async Task The_report_counts_all_audio_of_all_streams()
    {
        var result = await Dass.RunAsync("load", "--streams", "3", "--seconds", "5", "--format", "json");
        Assert.True(result.ExitCode == 0, result.Errors);
        var row = JsonDocument.Parse(Assert.Single(result.Lines)).RootElement;
        Assert.Equal(
            (3, 18, 0, 0, 0),
            (Number(row, "streams"), Number(row, "chunks"), Number(row, "missing"), Number(row, "refused"), Number(row, "failed")));
        Assert.Equal(15, row.GetProperty("audio_seconds").GetDouble(), 1e-6);
        double[] quantiles =
        [
            .. new[] { "latency_p50", "latency_p90", "latency_p99", "latency_max" }.Select(name => row.GetProperty(name).GetDouble()),
        ];
        Assert.Equal(quantiles.Order(), quantiles);
        Assert.True(quantiles[0] > 0, "A chunk took no time.");
    }

    [Fact]
    public async Task Tenants_share_the_streams_and_what_is_refused_is_counted()
    {
        await using var grid = await TestGrid.StartAsync(new()
        {
            ["Tenants:anne:KeyHashes:0"] = KeyHash.Create(Key("anne")).ToString(),
            ["Tenants:bert:KeyHashes:0"] = KeyHash.Create(Key("bert")).ToString(),
            ["Tenants:bert:Limits:LiveStreams"] = "1",
        });
        var result = await Dass.RunAsync(
            "load", "--grid", grid.Host.Address.ToString(), "--api-key-file", KeyFile("anne"), "--api-key-file", KeyFile("bert"),
            "--streams", "4", "--seconds", "4", "--realtime", "--format", "csv");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("1 of 4 streams", result.Errors);
        var rows = result.Lines.Skip(1).Select(line => line.Split(',')).ToArray();
        var columns = result.Lines[0].Split(',');
        Assert.Equal([KeyFile("anne"), KeyFile("bert"), ""], rows.Select(row => row[0]));
        Assert.Equal(["2", "2", "4"], rows.Select(row => row[Array.IndexOf(columns, "streams")]));
        Assert.Equal(["0", "1", "1"], rows.Select(row => row[Array.IndexOf(columns, "refused")]));
        Assert.Equal(["10", "5", "15"], rows.Select(row => row[Array.IndexOf(columns, "chunks")]));
    }

    [Fact]
    public async Task An_interruption_still_reports_and_leaves_no_stream_behind()
    {
        await using var grid = await TestGrid.StartAsync();
        using var load = Dass.Start(
            [], "load", "--grid", grid.Host.Address.ToString(), "--streams", "2", "--seconds", "600", "--realtime", "--format", "json");
        async Task<IEnumerable<StreamEntry>> LiveAsync() =>
            (await grid.Client.ListStreamsAsync(new ListStreamsRequest())).Streams.Where(stream => stream.State == StreamState.Live);
        await TestGrid.UntilAsync(async () => (await LiveAsync()).Count() >= 2, () => Task.Delay(100));
        load.Terminate();

        var result = await load.ResultAsync();
        Assert.Equal(130, result.ExitCode);
        var row = JsonDocument.Parse(Assert.Single(result.Lines)).RootElement;
        Assert.Equal((2, 0), (Number(row, "streams"), Number(row, "failed")));
        Assert.Empty(await LiveAsync());
    }

    private static string Key(string tenant) => $"{tenant}-0123456789abcdef";

    private static int Number(JsonElement row, string name) => row.GetProperty(name).GetInt32();

    private string KeyFile(string tenant)
    {
        var file = Path.Combine(_keys.FullName, tenant);
        File.WriteAllText(file, Key(tenant));
        return file;
    }
}
