using System.Text.Json;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Cluster.Tests.Cli;

public class TagCommandTests
{
    private static readonly DassModel BuiltIn = DassModel.LoadBuiltIn();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Json_has_the_documented_fields_and_equals_a_session_to_the_bit(bool offline)
    {
        var result = await Dass.RunAsync(["tag", Dass.Babble, "--format", "json", .. offline ? (string[])["--offline"] : []]);
        Assert.Equal(0, result.ExitCode);
        Assert.Contains(BuiltIn.Note!, result.Errors);
        using var json = JsonDocument.Parse(Assert.Single(result.Lines));
        var root = json.RootElement;
        Assert.Equal(
            ["file", "model", "duration_seconds", "labels", "mean", "max", "chunks", "events"],
            root.EnumerateObject().Select(property => property.Name));
        Assert.Equal(Dass.Babble, root.GetProperty("file").GetString());
        Assert.Equal("built-in", root.GetProperty("model").GetString());
        Assert.Equal(
            BuiltIn.Labels.All.Select(label => label.Name), root.GetProperty("labels").EnumerateArray().Select(name => name.GetString()));

        var (summary, chunks) = await Session(offline);
        Assert.Equal(summary.DurationSeconds, root.GetProperty("duration_seconds").GetDouble());
        Assert.Equal(summary.Mean, Floats(root.GetProperty("mean")));
        Assert.Equal(summary.Max, Floats(root.GetProperty("max")));
        var written = root.GetProperty("chunks").EnumerateArray().ToArray();
        Assert.Equal(offline ? 1 : 16, written.Length);
        Assert.Equal(offline ? 0 : 1, root.GetProperty("events").GetArrayLength());
        foreach (var (chunk, line) in chunks.Zip(written))
        {
            Assert.Equal(["start", "end", "scores"], line.EnumerateObject().Select(property => property.Name));
            Assert.Equal(chunk.StartSeconds, line.GetProperty("start").GetDouble());
            Assert.Equal(chunk.EndSeconds, line.GetProperty("end").GetDouble());
            Assert.Equal(chunk.Scores, Floats(line.GetProperty("scores")));
        }
    }

    [Fact]
    public async Task Channels_that_cancel_each_other_are_told_and_one_of_them_is_heard()
    {
        var samples = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, short>(Support.Babble.Pcm.AsSpan(0, 64_000)).ToArray();
        byte[] inverse = [.. samples.SelectMany(sample => BitConverter.GetBytes(sample).Concat(BitConverter.GetBytes((short)-sample)))];
        var raw = Path.Combine(Directory.CreateTempSubdirectory("dass-channel-").FullName, "inverse.raw");
        await File.WriteAllBytesAsync(raw, inverse);
        string[] tag = ["tag", raw, "--rate", "16000", "--channels", "2", "--format", "json"];

        var mixed = await Dass.RunAsync(tag);
        Assert.Contains("the channels cancel each other", mixed.Errors, StringComparison.Ordinal);
        var left = await Dass.RunAsync([.. tag, "--channel", "left"]);
        Assert.DoesNotContain("cancel", left.Errors, StringComparison.Ordinal);
        var mono = Path.Combine(Path.GetDirectoryName(raw)!, "mono.raw");
        await File.WriteAllBytesAsync(mono, Support.Babble.Pcm[..64_000]);
        var alone = await Dass.RunAsync("tag", mono, "--rate", "16000", "--format", "json");
        Assert.Equal(alone.Output.Replace(mono, raw, StringComparison.Ordinal), left.Output);

        var wrong = await Dass.RunAsync([.. tag, "--channel", "3"]);
        Assert.Contains("channel is 3; it must be 1 to 2", wrong.Errors, StringComparison.Ordinal);
        Assert.Equal(2, (await Dass.RunAsync([.. tag, "--gain", "61"])).ExitCode);
        Directory.Delete(Path.GetDirectoryName(raw)!, recursive: true);
    }

    [Fact]
    public async Task Csv_and_table_are_plain_in_a_pipe()
    {
        var csv = await Dass.RunAsync("tag", Dass.Babble, "--format", "csv");
        Assert.Equal("file,label,mean,max", csv.Lines[0]);
        Assert.Equal(1 + BuiltIn.Labels.Count, csv.Lines.Length);
        Assert.Contains(csv.Lines, line => line.Contains("\"Hubbub, speech noise, speech babble\",0."));
        var table = await Dass.RunAsync("tag", Dass.Babble, "--top", "2");
        Assert.Equal(0, table.ExitCode);
        Assert.DoesNotContain('\u001b', table.Output);
        Assert.Equal(4, table.Lines.Length); // file, head, two labels: no frame
    }

    [Fact]
    public async Task A_bad_file_among_good_ones_is_reported_and_the_others_are_tagged()
    {
        var missing = Path.Combine(Path.GetTempPath(), "there-is-no-such-file.wav");
        var result = await Dass.RunAsync("tag", missing, Dass.Babble, "--format", "json");
        Assert.Equal(1, result.ExitCode);
        Assert.Single(result.Lines);
        Assert.Contains(missing, result.Errors);
        Assert.DoesNotContain("   at ", result.Errors);
    }

    [Theory]
    [InlineData(2, "--chunk is 0.5 s; it must be a multiple of 0.32 s", "tag", "x.wav", "--chunk", "0.5s")]
    [InlineData(2, "--chunk is 'soon'", "tag", "x.wav", "--chunk", "soon")]
    [InlineData(2, "--top is '0'", "tag", "x.wav", "--top", "0")]
    [InlineData(2, "do not go with it", "tag", "x.wav", "--offline", "--chunk", "0.96s")]
    [InlineData(2, "--stream-id", "watch", "--grid", "http://127.0.0.1:1")]
    [InlineData(2, "--grid is 'here'", "watch", "--grid", "here", "--stream-id", "a")]
    [InlineData(2, "--bogus is neither an option nor a file", "tag", "x.wav", "--bogus")]
    [InlineData(2, "--format is 'xml'; it must be one of table|json|csv", "tag", "x.wav", "--format", "xml")]
    [InlineData(2, "--format is 'json,csv'; it must be one of table|json|csv", "tag", "x.wav", "--format", "json,csv")]
    [InlineData(2, "--format is 'xml'; it must be one of", "events", "--limit", "3", "--format", "xml")]
    [InlineData(2, "--grid is 'here'", "load", "--grid", "here")]
    [InlineData(2, "--haystack is 'loud'", "evaluate", "niah", "--data", "x.csv", "--haystack", "loud")]
    [InlineData(2, "--precision is 'fp32,int8'; it must be fp32 or int8", "tag", "x.wav", "--precision", "fp32,int8")]
    [InlineData(2, "--capture-time must be a time for a pipe", "tag", "-", "--capture-time", "mtime")]
    [InlineData(2, "--capture-time must be a time for a pipe", "stream", "-", "--capture-time", "yyyyMMdd_HHmmss")]
    [InlineData(2, "--realtime is for recordings; an address or device is a live source", "stream", "rtsp://x/1", "--realtime")]
    [InlineData(2, "--finish is for recordings", "stream", "alsa:default", "--finish")]
    [InlineData(2, "--rate is for recordings", "stream", "http://x/radio", "--rate", "16000")]
    [InlineData(
        2, "--capture-time is for recordings; a pipe to a --grid", "stream", "-", "--grid", "http://[::1]:1", "--capture-time", "now")]
    [InlineData(2, "--encoding is '3'", "stream", "-", "--encoding", "3")]
    [InlineData(2, "Grid:Listen is 'nonsense'", "serve", "--", "--Grid:Listen=nonsense")]
    [InlineData(1, "Is it running", "stream", "-", "--finish", "--rate", "16000", "--grid", "http://127.0.0.1:1")]
    [InlineData(2, "Grid:Lisen is no setting. Did you mean 'Listen'?", "serve", "--", "--Grid:Lisen=http://127.0.0.1:1")]
    [InlineData(2, "Gird is no section of the settings. Did you mean 'Grid'?", "serve", "--check", "--", "--Gird:Listen=http://[::1]:1")]
    [InlineData(2, "Did you mean 'tag'?", "tga")]
    [InlineData(2, "'hash-key' is no setting", "serve", "--", "hash-key")]
    [InlineData(2, "--from is '01.03.2026'; it must be a time such as", "events", "--from", "01.03.2026")]
    [InlineData(1, "is not a directory", "inspect-model", "/no/such/model")]
    [InlineData(2, "--rate is '7'", "stream", "-", "--rate", "7")]
    [InlineData(1, "The WAV file is empty", "stream", "-")]
    public async Task A_mistake_is_named_with_its_rule_and_an_exit_code(int exitCode, string message, params string[] arguments)
    {
        var result = await Dass.RunAsync(arguments);
        Assert.Contains(message, result.Errors);
        Assert.Equal(exitCode, result.ExitCode);
        Assert.DoesNotContain("   at ", result.Errors);
    }

    [Theory]
    [InlineData("dass tag x.wav --format j", "json")]
    [InlineData("dass tag x.wav --precision i", "int8")]
    [InlineData("dass events --format w", "webvtt")]
    public async Task A_shell_completes_words_as_they_are_written(string line, string word)
    {
        var result = await Dass.RunAsync($"[suggest:{line.Length}]", line);
        Assert.Contains(word, result.Lines);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_said_in_one_line()
    {
        using var taken = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();
        var result = await Dass.RunAsync("serve", "--", $"--Grid:Listen=http://{taken.LocalEndpoint}");
        Assert.Equal(1, result.ExitCode);
        Assert.StartsWith($"dass: Grid:Listen is 'http://{taken.LocalEndpoint}', which cannot be listened on", result.Errors);
        Assert.Single(result.Errors.Trim().Split('\n'));
        Assert.Equal("", result.Output);
    }

    [Fact]
    public async Task Inspect_model_shows_architecture_and_state()
    {
        using var json = JsonDocument.Parse((await Dass.RunAsync("inspect-model", "--format", "json")).Output);
        Assert.Equal(BuiltIn.Config.Dims, json.RootElement.GetProperty("dims").EnumerateArray().Select(dim => dim.GetInt32()));
        Assert.Equal(64, json.RootElement.GetProperty("hash").GetString()!.Length);
        Assert.Equal(json.RootElement.GetProperty("state_floats").GetInt32() * 4, json.RootElement.GetProperty("state_bytes").GetInt32());
    }

    private static async Task<(StreamSummary Summary, List<ChunkScores> Chunks)> Session(bool offline)
    {
        await using var engine = await StreamEngine.StartAsync(new EngineOptions { MaxStreams = 1, Threads = 1 });
        await using var source = await AudioFile.OpenAsync(Dass.Babble, CancellationToken.None);
        using var session = engine.Open(source.Format, new StreamSessionOptions { Offline = offline });
        var (chunks, audio) = (new List<ChunkScores>(), new byte[1 << 20]);
        var read = 0;
        while (await source.ReadAsync(audio.AsMemory(read), CancellationToken.None) is > 0 and var more)
        {
            read += more;
        }
        await session.PushAsync(audio.AsMemory(0, read), chunks, CancellationToken.None);
        await session.CompleteAsync(chunks, CancellationToken.None);
        return (session.Summary(), chunks);
    }

    private static float[] Floats(JsonElement array) => [.. array.EnumerateArray().Select(value => value.GetSingle())];
}
