using System.Text.Json;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Engine.Events;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Cluster.Tests.Cli;

public sealed class LabelsCommandTests : IDisposable
{
    private readonly OfferedModel _model = new();
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dass-labels-");

    public void Dispose()
    {
        _model.Dispose();
        _directory.Delete(recursive: true);
    }

    [Fact]
    public async Task The_built_in_model_lists_what_it_offers()
    {
        var model = DassModel.LoadBuiltIn();
        var result = await Dass.RunAsync("labels", "--format", "json");
        Assert.True(result.ExitCode == 0, result.Errors);
        Assert.Contains(model.Note!, result.Errors);
        Assert.Equal(model.Labels.Offered.Select(label => label.Name), result.Lines.Select(line => Text(line, "name")));
    }

    [Fact]
    public async Task Every_format_has_the_evidence_and_all_shows_what_is_hidden()
    {
        var json = await Dass.RunAsync("labels", "--model", _model.Folder, "--format", "json");
        Assert.True(json.ExitCode == 0, json.Errors);
        Assert.Equal(264, json.Lines.Length);
        var (id, name) = (AudioSetLabels.All[6].Id, AudioSetLabels.All[6].Name);
        Assert.Equal(
            $$"""
            {"index":6,"id":"{{id}}","name":"{{name}}","offered":true,"evidence":"agreement","auc":0.95,"clips":11,"background":false}
            """,
            json.Lines[3]);

        var csv = await Dass.RunAsync("labels", "--model", _model.Folder, "--all", "--format", "csv");
        Assert.Equal(528, csv.Lines.Length);
        Assert.Equal("index,id,name,offered,evidence,auc,clips,background", csv.Lines[0]);
        Assert.StartsWith("0,/m/09x0r,Speech,true,agreement,0.95,5,true", csv.Lines[1]);
        Assert.Equal("false,,,,false", string.Join(',', csv.Lines[2].Split(',')[^5..]));

        var table = await Dass.RunAsync("labels", "--model", _model.Folder);
        Assert.Equal(1 + 264, table.Lines.Length);
        Assert.Contains("background", table.Lines[1]);
    }

    [Fact]
    public async Task A_grid_lists_the_same_as_the_directory()
    {
        await using var grid = await _model.StartAsync();
        string[] format = ["--all", "--format", "json"];
        var asked = await Dass.RunAsync(["labels", "--grid", grid.Host.Address.ToString(), "--model", "tiny", .. format]);
        Assert.True(asked.ExitCode == 0, asked.Errors);
        Assert.Equal((await Dass.RunAsync(["labels", "--model", _model.Folder, .. format])).Lines, asked.Lines);
        Assert.Equal(527, asked.Lines.Length);
        var unknown = await Dass.RunAsync(["labels", "--grid", grid.Host.Address.ToString(), "--model", "other"]);
        Assert.Equal(1, unknown.ExitCode);
        Assert.Contains("other", unknown.Errors);
    }

    [Fact]
    public async Task Tables_of_tags_show_what_is_offered()
    {
        var table = await Dass.RunAsync("tag", Dass.Babble, "--model", _model.Folder, "--top", "527");
        Assert.Equal(2 + 264, table.Lines.Length);
        var csv = await Dass.RunAsync("tag", Dass.Babble, "--model", _model.Folder, "--format", "csv");
        Assert.Equal(1 + 527, csv.Lines.Length);
    }

    [Fact]
    public async Task A_hidden_label_has_events_when_it_is_named()
    {
        var hidden = (await ExpectedEvents.TrackAsync(new EventRule())).First(sound => !OfferedModel.IsOffered(sound.Label)).Label;
        var (name, text) = (AudioSetLabels.All[hidden].Name, $"\"label_id\":\"{AudioSetLabels.All[hidden].Id}\"");
        string[] stream = ["stream", Dass.Babble, "--model", _model.Folder, "--format", "json"];
        Assert.DoesNotContain(text, (await Dass.RunAsync(stream)).Output);
        Assert.Contains(text, (await Dass.RunAsync([.. stream, "--event-label", name])).Output);
    }

    [Fact]
    public async Task A_label_that_no_model_offers_is_told_of_where_events_of_it_are_wanted()
    {
        await using var grid = await _model.StartAsync();
        var hidden = AudioSetLabels.All[1].Name;
        var rules = Path.Combine(_directory.FullName, "rules.json");
        await File.WriteAllTextAsync(rules, JsonSerializer.Serialize(new
        {
            destinations = new { here = new { file = Path.Combine(_directory.FullName, "messages") } },
            rules = new[] { new { name = "quiet", labels = new[] { hidden, AudioSetLabels.All[2].Name, "source.lost" }, to = "here" } },
        }));
        var check = await Dass.RunAsync("notify", rules, "--check", "--grid", $"{grid.Host.Address}");
        Assert.Equal(0, check.ExitCode);
        Assert.Contains($"note: rule quiet: no model of the grid offers '{hidden}'", check.Errors, StringComparison.Ordinal);
        Assert.Single(check.Errors.Split('\n'), line => line.Contains("rule quiet", StringComparison.Ordinal));

        var tag = await Dass.RunAsync("tag", Dass.Babble, "--model", _model.Folder, "--fail-on", $"{hidden}=1");
        Assert.Contains($"the model does not offer {hidden}, and its score says little", tag.Errors, StringComparison.Ordinal);
    }

    private static string? Text(string line, string name) => JsonDocument.Parse(line).RootElement.GetProperty(name).GetString();
}
