using System.Text.Json;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Engine.Events;
using Dass.Grid.Engine.Model;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.Host;

namespace Dass.Grid.Cluster.Tests.Cli;

public class StreamCommandTests
{
    [Fact]
    public async Task A_file_streams_through_an_embedded_grid_to_plain_lines()
    {
        var result = await Dass.RunAsync("stream", Dass.Babble, "--model", TestGrid.TinyModel);
        Assert.Equal(0, result.ExitCode);
        var events = await ExpectedEvents.TrackAsync(new EventRule());
        string Name(EventChange sound) => AudioSetLabels.All[sound.Label].Name;
        Assert.All(
            events.Where(sound => sound.Kind == EventChangeKind.Opened && sound.OffsetSeconds < 14),
            sound => Assert.Contains($"> {Name(sound)} from ", result.Output));
        var last = result.Lines.Where(line => line.StartsWith("  until the end: ", StringComparison.Ordinal)).ToArray();
        Assert.All(
            events.Where(sound => sound.Kind == EventChangeKind.Closed && sound.OffsetSeconds > 15.05),
            sound => Assert.Contains(
                last, line => line.Contains($": {Name(sound)} ") && line.EndsWith(" - 15.06s", StringComparison.Ordinal)));
        Assert.NotEmpty(last);
        var begun = result.Lines.Count(line => line.StartsWith("  > ", StringComparison.Ordinal)); // in the audio behind the last chunk
        Assert.Equal(1 + 16 + begun + last.Length + 3, result.Lines.Length);
        Assert.Contains("heard 15.06s in 16 chunks", result.Output);
        Assert.DoesNotContain('\u001b', result.Output);
    }

    [Fact]
    public async Task The_built_in_model_needs_no_option_and_what_a_user_must_know_of_it_goes_to_standard_error()
    {
        var result = await Dass.RunAsync("stream", Dass.Babble);
        Assert.Equal(0, result.ExitCode);
        Assert.Contains($"note: {DassModel.LoadBuiltIn().Note}", result.Errors);
        Assert.Contains("model built-in", result.Lines[0]);
        Assert.Contains("heard 15.06s in 16 chunks", result.Output);
    }

    [Fact]
    public async Task Raw_samples_from_a_pipe_give_the_same_tags_as_the_file()
    {
        string[] options = ["--model", TestGrid.TinyModel, "--format", "json"];
        var file = await Dass.RunAsync(["stream", Dass.Babble, .. options]);
        var wav = await File.ReadAllBytesAsync(Dass.Babble);
        var raw = await Dass.RunAsync(wav[44..], ["stream", "-", "--rate", "16000", .. options]);
        var piped = await Dass.RunAsync(wav, ["stream", "-", .. options]);
        Assert.Equal(file.Lines[1..], raw.Lines[1..]);
        Assert.Equal(file.Lines[1..], piped.Lines[1..]);
        Assert.Equal(
            ["ready", .. Enumerable.Repeat("tags", 16), "events", "summary"],
            file.Lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("type").GetString()));
    }

    [Fact]
    public async Task A_stream_on_a_grid_elsewhere_can_be_watched_and_a_refusal_is_a_plain_sentence()
    {
        await using var grid = await EmbeddedGrid.StartAsync(new EmbeddedGridOptions());
        var address = grid.Address.ToString();
        var streamed = await Dass.RunAsync("stream", Dass.Babble, "--grid", address, "--stream-id", "yard", "--format", "json");
        Assert.Equal(0, streamed.ExitCode);

        var watched = await Dass.RunAsync("watch", "--grid", address, "--stream-id", "yard", "--from-chunk", "0", "--format", "json");
        Assert.Equal(0, watched.ExitCode);
        Assert.Equal(streamed.Lines[1..], watched.Lines[1..]);

        var refused = await Dass.RunAsync("watch", "--grid", address, "--stream-id", "unknown-stream");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("NotFound", refused.Errors);
        Assert.Contains("unknown-stream", refused.Errors);
    }

    [Fact]
    public async Task A_termination_while_a_pipe_is_silent_ends_the_program_with_130()
    {
        using var dass = Dass.Start([], "stream", "-", "--rate", "16000");
        Assert.StartsWith("stream ", await dass.LineAsync());

        dass.Terminate();

        var result = await dass.ResultAsync();
        Assert.Equal(130, result.ExitCode);
        Assert.Contains("interrupted", result.Errors);
        Assert.DoesNotContain("   at ", result.Errors);
    }

    [Fact]
    public async Task A_key_comes_from_a_file_or_the_environment_and_its_lack_is_named()
    {
        const string Key = "a key that is long enough";
        await using var grid = await TestGrid.StartAsync(new() { ["Tenants:acme:KeyHashes:0"] = KeyHash.Create(Key).ToString() });
        string[] arguments = ["stream", Dass.Babble, "--grid", grid.Host.Address.ToString()];
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, Key + "\n");
        try
        {
            Assert.Equal(0, (await Dass.RunAsync([.. arguments, "--api-key-file", file])).ExitCode);
        }
        finally
        {
            File.Delete(file);
        }
        using (var dass = Dass.Start([("DASS_API_KEY", Key)], arguments))
        {
            Assert.Equal(0, (await dass.ResultAsync()).ExitCode);
        }
        var refused = await Dass.RunAsync(arguments);
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("DASS_API_KEY", refused.Errors);
    }
}
