using System.Text.Json;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Engine.Events;

namespace Dass.Grid.Cluster.Tests.Cli;

public sealed class EvaluateCommandTests : IDisposable
{
    private readonly string _data = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.csv");

    public EvaluateCommandTests() => File.WriteAllText(_data, $"file,labels,onset,offset\n{Dass.Babble},Speech,0,15\n");

    public void Dispose() => File.Delete(_data);

    [Fact]
    public async Task Tags_are_judged_offline_and_streaming_side_by_side()
    {
        var result = await Dass.RunAsync("evaluate", "tags", "--data", _data, "--format", "json");
        Assert.True(result.ExitCode == 0, result.Errors);
        using var json = JsonDocument.Parse(Assert.Single(result.Lines));
        Assert.Equal(
            Engine.Model.DassModel.LoadBuiltIn().Labels.Offered.Count(), json.RootElement.GetProperty("labels_offered").GetInt32());
        foreach (var way in (string[])["offline", "streaming"])
        {
            var report = json.RootElement.GetProperty(way);
            Assert.Equal(
                ["map", "auc", "d_prime", "lwlrap", "top1", "intervals", "labels"],
                report.EnumerateObject().Select(property => property.Name));
            Assert.Equal(1, report.GetProperty("map").GetDouble()); // of one recording
            Assert.Equal(JsonValueKind.Null, report.GetProperty("auc").ValueKind); // nothing to be told from
            Assert.Equal([1, 1], report.GetProperty("intervals").GetProperty("map").EnumerateArray().Select(end => end.GetDouble()));
            var label = Assert.Single(report.GetProperty("labels").EnumerateArray());
            Assert.Equal(
                ["name", "id", "files", "clips", "evidence", "average_precision", "auc", "lwlrap"],
                label.EnumerateObject().Select(property => property.Name));
            Assert.Equal(("Speech", 1), (label.GetProperty("name").GetString(), label.GetProperty("clips").GetInt32()));
        }
    }

    [Fact]
    public async Task A_needle_has_a_row_for_every_length_and_method()
    {
        var result = await Dass.RunAsync(
            "evaluate", "niah", "--data", _data, "--lengths", "10s,20s", "--haystack", "babble", "--babble", Dass.Babble, "--position", "1",
            "--format", "json");
        Assert.True(result.ExitCode == 0, result.Errors);
        using var json = JsonDocument.Parse(Assert.Single(result.Lines));
        var rows = json.RootElement.GetProperty("rows").EnumerateArray().ToArray();
        Assert.Equal(6, rows.Length);
        Assert.All(rows, row => Assert.Equal(JsonValueKind.Null, row.GetProperty("reset_seconds").ValueKind));
        Assert.All(rows, row => Assert.Equal("babble", row.GetProperty("haystack").GetString()));
        Assert.All(rows, row => Assert.Equal(1, row.GetProperty("retention").GetDouble())); // of one recording
    }

    [Fact]
    public async Task Needle_rows_go_to_a_file_too()
    {
        var file = _data + ".rows.csv";
        try
        {
            var result = await Dass.RunAsync(
                "evaluate", "niah", "--data", _data, "--lengths", "10s,20s", "--position", "0", "--snr", "0,10", "--reset", "none,5s",
                "--needles", "1", "--csv", file, "--format", "csv");
            Assert.True(result.ExitCode == 0, result.Errors);
            Assert.Equal(1 + 2 * 2 * 2 * 3, result.Lines.Count());
            Assert.Equal(["reset_seconds", "", "5"], result.Lines.Select(line => line.Split(',')[^1]).Distinct());
            Assert.Equal(result.Lines, File.ReadAllLines(file));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Events_and_latency_print_their_rows()
    {
        var events = await Dass.RunAsync("evaluate", "events", "--data", _data, "--threshold", "0.2,0.5", "--format", "csv");
        Assert.True(events.ExitCode == 0, events.Errors);
        Assert.Equal(
            ["threshold,f1,psds1,psds2,detected,false_per_hour,delay_seconds,offered_false_per_hour", "0.2", "0.5"],
            events.Lines.Select((line, i) => i == 0 ? line : line.Split(',')[0]));
        var best = await Dass.RunAsync("evaluate", "events", "--data", _data, "--format", "json");
        Assert.True(best.ExitCode == 0, best.Errors);
        using var json = JsonDocument.Parse(Assert.Single(best.Lines));
        Assert.Equal(
            ["threshold", "f1", "labels"], json.RootElement.GetProperty("best").EnumerateObject().Select(property => property.Name));
        var label = Assert.Single(json.RootElement.GetProperty("best").GetProperty("labels").EnumerateArray());
        Assert.Equal("Speech", label.GetProperty("name").GetString());
        // the only label
        Assert.Equal(json.RootElement.GetProperty("best").GetProperty("f1").GetDouble(), label.GetProperty("f1").GetDouble());
        var latency = await Dass.RunAsync(
            "evaluate", "latency", "--data", _data, "--chunks", "0.96s", "--look-aheads", "0s,0.64s", "--format", "csv");
        Assert.True(latency.ExitCode == 0, latency.Errors);
        string[] ways = ["offline", "stream", "stream", "window"];
        Assert.Equal(["way", .. ways, .. ways], latency.Lines.Select(line => line.Split(',')[0]));
        Assert.Equal(["fp32", "int8"], latency.Lines.Skip(1).Select(line => line.Split(',')[7]).Distinct());
    }

    [Fact]
    public async Task Recordings_without_labels_give_the_false_events_of_all_offered_labels()
    {
        File.WriteAllText(_data, $"file,labels\n{Dass.Babble},\n");
        var result = await Dass.RunAsync("evaluate", "events", "--data", _data, "--model", TestGrid.TinyModel, "--format", "json");
        Assert.True(result.ExitCode == 0, result.Errors);
        using var json = JsonDocument.Parse(Assert.Single(result.Lines));
        var row = Assert.Single(json.RootElement.GetProperty("rows").EnumerateArray());
        Assert.Equal(JsonValueKind.Null, row.GetProperty("f1").ValueKind);
        var closed = (await ExpectedEvents.TrackAsync(new EventRule())).Count(sound => sound.Kind == EventChangeKind.Closed);
        var hours = Babble.Samples / (double)Babble.SampleRateHz / 3600;
        Assert.Equal(closed, row.GetProperty("offered_false_per_hour").GetDouble() * hours, 0.1);
    }

    [Theory]
    [InlineData("tags")]
    [InlineData("latency")]
    public async Task A_recording_without_scores_is_named(string command)
    {
        var folder = Directory.CreateTempSubdirectory("dass-short-");
        var brief = Path.Combine(folder.FullName, "brief.wav");
        await File.WriteAllBytesAsync(brief, (await File.ReadAllBytesAsync(Dass.Babble))[..600]);
        await File.AppendAllTextAsync(_data, $"{brief},Speech,0,1\n");
        var result = await Dass.RunAsync("evaluate", command, "--data", _data);
        folder.Delete(recursive: true);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"dass: {brief}: the audio is shorter than 25 ms", result.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "--haystack babble needs --babble", "niah", "--haystack", "babble")]
    [InlineData(2, "--position is '2'", "niah", "--position", "2")]
    [InlineData(2, "--lengths is 'long'", "niah", "--lengths", "long")]
    [InlineData(2, "--reset is 'none,0s'", "niah", "--reset", "none,0s")]
    [InlineData(1, "no recordings of fold 3", "tags", "--fold", "3")]
    public async Task Wrong_usage_says_the_rule(int exitCode, string fragment, string command, params string[] options)
    {
        File.WriteAllText(_data, $"file,labels,fold\n{Dass.Babble},Speech,1\n");
        var result = await Dass.RunAsync(["evaluate", command, "--data", _data, .. options]);
        Assert.Contains(fragment, result.Errors);
        Assert.Equal(exitCode, result.ExitCode);
    }
}
