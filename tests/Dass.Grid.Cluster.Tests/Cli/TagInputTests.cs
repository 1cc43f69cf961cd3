using System.Diagnostics;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Tests;

namespace Dass.Grid.Cluster.Tests.Cli;

/// <summary>Recordings that come through pipes, or not at all.</summary>
public sealed class TagInputTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("dass-input-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [NeedsFact("ffmpeg", "ffmpeg")]
    public async Task Riff_that_is_no_wav_is_decoded_from_a_file_and_from_a_pipe()
    {
        var avi = Path.Combine(_folder, "b.avi");
        await RunAsync("ffmpeg", "-nostdin", "-v", "error", "-i", Dass.Babble, "-c:a", "pcm_s16le", avi);
        var file = await Dass.RunAsync("tag", avi, "--format", "csv");
        Assert.True(file.ExitCode == 0, file.Errors);
        var pipe = await Dass.RunAsync(await File.ReadAllBytesAsync(avi), "tag", "-", "--format", "csv");
        Assert.True(pipe.ExitCode == 0, pipe.Errors);
        Assert.Equal(file.Output.Replace(avi, "-", StringComparison.Ordinal), pipe.Output);
    }

    [Fact]
    public async Task A_termination_while_standard_input_is_silent_ends_the_program()
    {
        using var dass = Dass.Start([], "tag", "-", "--rate", "16000");
        await dass.FeedAsync(Babble.Pcm[..64_000]);
        await dass.ErrorAsync("note: ");
        var since = Stopwatch.GetTimestamp();

        dass.Terminate();

        var result = await dass.ResultAsync();
        Assert.Equal(130, result.ExitCode);
        Assert.InRange(Stopwatch.GetElapsedTime(since).TotalSeconds, 0, 25); // a program that does not end is ended after 35 s
    }

    [Fact]
    public async Task Named_pipes_are_read_among_files_and_one_that_fails_is_named_while_the_others_go_on()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }
        var (good, bad) = (Path.Combine(_folder, "good"), Path.Combine(_folder, "bad"));
        await RunAsync("mkfifo", good, bad);
        using var children = new ChildProcesses();
        children.Start("sh", "-c", $"cat '{Dass.Babble}' > '{good}'");
        children.Start("sh", "-c", $"echo no audio > '{bad}'");

        var result = await Dass.RunAsync("tag", bad, good, Dass.Babble, "--format", "csv", "--top", "1");

        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"dass: {bad}: ", result.Errors, StringComparison.Ordinal);
        Assert.Equal(["file", good, Dass.Babble], result.Lines.Select(line => line.Split(',')[0]));
        Assert.Equal(result.Lines[2].Split(',')[1..], result.Lines[1].Split(',')[1..]);
        var streamed = children.Start("sh", "-c", $"cat '{Dass.Babble}' > '{good}'");
        var stream = await Dass.RunAsync("stream", good, "--format", "csv");
        Assert.True(stream.ExitCode == 0, stream.Errors);
        Assert.Equal(1 + 3 * 16, stream.Lines.Length);
        Assert.True(streamed.HasExited);
    }

    [UnprivilegedFact]
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    public async Task A_folder_that_cannot_be_read_is_told()
    {
        File.Copy(Dass.Babble, Path.Combine(_folder, "b.wav"));
        var closed = Directory.CreateDirectory(Path.Combine(_folder, "closed"), UnixFileMode.None).FullName;
        var result = await Dass.RunAsync("tag", _folder, "--format", "csv");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"dass: {closed}: this folder cannot be read", result.Errors, StringComparison.Ordinal);
        Assert.True(result.Lines.Length > 1, result.Errors);
    }

    [Fact]
    public async Task Offline_many_recordings_find_room_on_many_cores()
    {
        for (var i = 0; i < 70; i++)
        {
            await File.WriteAllBytesAsync(Path.Combine(_folder, $"{i:00}.wav"), (await File.ReadAllBytesAsync(Dass.Babble))[..20_000]);
        }
        const string Cores = "48"; // hexadecimal: more than an engine has streams
        using var dass = Dass.Start([("DOTNET_PROCESSOR_COUNT", Cores)], "tag", _folder, "--offline", "--format", "csv", "--top", "1");
        var result = await dass.ResultAsync();
        Assert.True(result.ExitCode == 0, result.Errors);
        Assert.Equal(71, result.Lines.Length);
    }

    /// <summary>Nothing is forbidden to root: then the test is skipped.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    private sealed class UnprivilegedFactAttribute : FactAttribute
    {
        public UnprivilegedFactAttribute() => Skip = OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess
            ? "root may read every folder" : null;
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
    }
}
