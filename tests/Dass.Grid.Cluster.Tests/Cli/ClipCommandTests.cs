using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Tests;

namespace Dass.Grid.Cluster.Tests.Cli;

/// <summary><c>dass feed --clips</c> with a source in real time, the built-in model and ffmpeg.</summary>
public sealed class ClipCommandTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dass-clips-");

    public void Dispose() => _directory.Delete(recursive: true);

    [NeedsFact("ffmpeg", "ffmpeg")]
    public async Task What_was_heard_is_in_the_clip_to_the_sample_and_speech_is_not_unless_asked_for()
    {
        await using var grid = await TestGrid.StartAsync(
            new() { ["Grid:Models:built-in:Threads"] = "1", ["Grid:DefaultModel"] = "built-in" });
        using var all = Feed(grid, "all", "--keep-speech");
        using var discreet = Feed(grid, "discreet");
        await all.ErrorAsync("clip of Speech: ");
        await discreet.ErrorAsync("no clip of Speech");

        Assert.Empty(Clips("discreet"));
        var clip = await ClipSamples.ReadAsync(Assert.Single(Clips("all")));
        var source = await SourceAsync();
        var sound = clip.AsSpan(Array.FindIndex(clip, sample => sample != 0));
        sound = sound[..(sound.LastIndexOfAnyExcept((short)0) + 1)];
        Assert.True(sound.Length > 2 * 16_000, $"{sound.Length} samples of 4 s");
        Assert.True(source.AsSpan().IndexOf(sound) >= 0, "the clip is no part of what the source gave");
    }

    [Theory]
    [InlineData("--clip-label: no model of the grid has a label 'Spech'. Did you mean 'Speech'", true, "--clip-label", "Spech")]
    [InlineData("--clip-label says how clips are kept; --clips DIR says where", false, "--clip-label", "Speech")]
    [InlineData("--clips-age says how clips are kept; --clips DIR says where", false, "--clips-age", "1h")]
    [InlineData("--clips is '/proc/clips'; clips cannot be written there", false, "--clips", "/proc/clips")]
    public async Task What_clips_cannot_be_is_said_at_the_start(string message, bool isFolderGiven, params string[] options)
    {
        await using var grid = await TestGrid.StartAsync();
        var file = Path.Combine(_directory.FullName, "sources.json");
        await File.WriteAllTextAsync(file, """{ "sources": [ { "id": "a", "command": ["sleep", "60"], "rate": 16000 } ] }""");
        string[] folder = isFolderGiven ? ["--clips", Folder("a")] : [];
        var result = await Dass.RunAsync(["feed", file, "--grid", $"{grid.Host.Address}", .. folder, .. options]);
        Assert.Contains(message, result.Errors, StringComparison.Ordinal);
        Assert.Equal(2, result.ExitCode);
    }

    /// <summary>Four seconds of babble and eight of silence, raw.</summary>
    private static string[] Source(string filters) =>
    [
        "ffmpeg", "-nostdin", "-loglevel", "error", "-t", "4", "-i", Dass.Babble, "-af", filters,
        "-f", "s16le", "-ar", "16000", "-ac", "1", "-",
    ];

    private static async Task<short[]> SourceAsync()
    {
        var command = Source("apad=pad_dur=8");
        using var ffmpeg = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true })!;
        using var audio = new MemoryStream();
        await ffmpeg.StandardOutput.BaseStream.CopyToAsync(audio);
        return MemoryMarshal.Cast<byte, short>(audio.ToArray()).ToArray();
    }

    private Dass Feed(TestGrid grid, string id, params string[] more)
    {
        var file = Path.Combine(_directory.FullName, $"{id}.json");
        File.WriteAllText(file, JsonSerializer.Serialize(new
        {
            sources = new[] { new { id, command = Source("apad=pad_dur=8,arealtime"), rate = 16_000, model = "built-in" } },
        }));
        string[] clips = ["--clips", Folder(id), "--clip-label", "Speech", .. more];
        return Dass.Start([], ["feed", file, "--grid", grid.Host.Address.ToString(), "--format", "json", .. clips]);
    }

    private string Folder(string id) => Path.Combine(_directory.FullName, "clips-" + id);

    private string[] Clips(string id) => !Directory.Exists(Folder(id)) ? [] :
    [
        .. Directory.EnumerateFiles(Folder(id), "*", SearchOption.AllDirectories)
            .Where(file => !file.EndsWith("png", StringComparison.Ordinal)),
    ];
}
