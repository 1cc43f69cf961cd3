using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Host;
using Dass.Grid.Tests;
using Dass.Grid.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.StaticFiles;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Logging;

namespace Dass.Grid.Cluster.Tests.Cli;

/// <summary><c>dass feed</c> and <c>dass stream</c> with sources as there are in the field.</summary>
public sealed class FeedCommandTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dass-feed-");
    private readonly ChildProcesses _programs = new();

    public void Dispose()
    {
        _programs.Dispose();
        _directory.Delete(recursive: true);
    }

    [NeedsFact("ffmpeg", "ffmpeg")]
    public async Task A_camera_that_pushes_rtsp_is_heard_and_taken_up_again_when_it_comes_back()
    {
        var address = $"rtsp://127.0.0.1:{EmbeddedGrid.FreePort()}/live";
        await using var grid = await TestGrid.StartAsync();
        using var feed = Feed(grid, new { id = "yard", url = address, input_options = (string[])["-rtsp_flags", "listen"] });
        async Task<(Process Camera, JsonElement Status)> PushAsync()
        {
            var live = feed.UntilAsync("yard", "live");
            while (true)
            {
                var camera = Ffmpeg(
                    "-re", "-stream_loop", "-1", "-i", Dass.Babble, "-c:a", "aac", "-f", "rtsp", "-rtsp_transport", "tcp", address);
                if (await Task.WhenAny(live, camera.WaitForExitAsync()) == live)
                {
                    return (camera, await live);
                }
                await Task.Delay(200); // the feeder did not listen yet
            }
        }

        var (camera, _) = await PushAsync();
        camera.Kill();
        await feed.UntilAsync("yard", "waiting");
        var (_, status) = await PushAsync();

        Assert.True(status.GetProperty("restarts").GetInt32() > 0);
        await AssertTimesAsync(grid, "yard");
    }

    [NeedsFact("ffmpeg", "ffmpeg")]
    public async Task A_feeder_that_is_killed_takes_along_the_ffmpeg_that_listens()
    {
        var port = EmbeddedGrid.FreePort();
        await using var grid = await TestGrid.StartAsync();
        using var feed = Feed(
            grid, new { id = "yard", url = $"rtsp://127.0.0.1:{port}/live", input_options = (string[])["-rtsp_flags", "listen"] });
        await TestGrid.UntilAsync(() => !IsFree(port), () => Task.Delay(100));
        feed.Kill();
        await TestGrid.UntilAsync(() => IsFree(port), () => Task.Delay(100));
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_named_and_one_that_fails_is_quoted()
    {
        await using var grid = await TestGrid.StartAsync();
        using var feed = Feed(grid, new { id = "a", command = (string[])["no-such-program", "x"], rate = 16_000 });
        await feed.UntilAsync(
            "a", "waiting", status => status.GetProperty("note").GetString()!.Contains(
                "'no-such-program' cannot be started", StringComparison.Ordinal));
        feed.Write(new { id = "b", command = (string[])["sh", "-c", "echo out of order >&2; exit 7"], rate = 16_000 });
        await feed.UntilAsync(
            "b", "waiting", status => status.GetProperty("note").GetString()!.Contains("out of order", StringComparison.Ordinal));
    }

    [NeedsFact("ffmpeg", "ffmpeg")]
    public async Task An_hls_playlist_is_heard_at_its_time()
    {
        var folder = _directory.CreateSubdirectory("hls").FullName;
        Ffmpeg(
            "-re", "-stream_loop", "-1", "-i", Dass.Babble, "-c:a", "aac", "-f", "hls", "-hls_time", "2", "-hls_list_size", "4",
            "-hls_flags", "delete_segments", Path.Combine(folder, "radio.m3u8"));
        await TestGrid.UntilAsync(() => File.Exists(Path.Combine(folder, "radio.m3u8")));
        await using var web = await ServeAsync(folder);
        await using var grid = await TestGrid.StartAsync();
        using var feed = Feed(grid, new { id = "radio", url = $"{web.Urls.First()}/radio.m3u8" });

        await feed.UntilAsync("radio", "live");
        await AssertTimesAsync(grid, "radio");
    }

    [Fact]
    public async Task A_command_that_ends_is_begun_again_and_a_file_of_sources_is_read_again()
    {
        await using var grid = await TestGrid.StartAsync();
        string[] silence = ["head", "-c", "64000", "/dev/zero"];
        using var feed = Feed(grid, new { id = "first", command = silence, rate = 16_000 });
        await feed.UntilAsync(
            "first", "waiting",
            status => status.GetProperty("restarts").GetInt32() >= 2
                && status.GetProperty("heard").GetString()!.Length > 0);

        string[] drops = ["sh", "-c", "while cat /dev/zero | head -c 32000; do sleep 1; done"];
        feed.Write(new { id = "second", command = drops, rate = 16_000 });
        await feed.UntilAsync("second", "live");
        await grid.Client.GetStreamAsync(new GetStreamRequest { StreamId = "first" });
        feed.WriteText("{ \"sources\": [ { \"id\": \"third\", \"comand\": [] } ] }");
        await feed.ErrorAsync("the sources of before go on");
        var told = DateTime.UtcNow; // older lines wait in the pipe
        await feed.UntilAsync("second", "live", status => status.GetProperty("time").GetDateTime() > told);
    }

    [Fact]
    public async Task Recordings_of_a_folder_are_booked_at_the_time_in_their_names()
    {
        await using var grid = await TestGrid.StartAsync();
        var folder = _directory.CreateSubdirectory("cards");
        File.Copy(Dass.Babble, Path.Combine(folder.FullName, "A1_20260301_213000.wav"));
        using var feed = Feed(grid, new { id = "cards", folder = folder.FullName, capture_time = "yyyyMMdd_HHmmss" });

        await feed.UntilAsync(
            "cards", "idle", status => status.GetProperty("note").GetString()!.Contains("is done", StringComparison.Ordinal));

        using var call = grid.Client.Subscribe(new SubscribeRequest { StreamId = "cards-A1_20260301_213000.wav", FromChunk = 0 });
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        Assert.Equal(
            new DateTime(2026, 3, 1, 21, 30, 0, DateTimeKind.Utc), call.ResponseStream.Current.Subscribed.CaptureTime.ToDateTime());
    }

    [NeedsFact("ffmpeg", "ffmpeg")]
    public async Task A_recording_that_is_refused_or_cannot_be_read_holds_up_no_other_one()
    {
        await using var grid = await TestGrid.StartAsync();
        var folder = _directory.CreateSubdirectory("card").FullName;
        await Ffmpeg(
            "-f", "lavfi", "-i", "aevalsrc=0/0:d=1", "-c:a", "pcm_f32le", Path.Combine(folder, "1-nan.wav")).WaitForExitAsync();
        File.CreateSymbolicLink(Path.Combine(folder, "2-gone.wav"), "nowhere.wav");
        File.Copy(Dass.Babble, Path.Combine(folder, "3-good.wav"));
        foreach (var (age, name) in ((int, string)[])[(3, "1-nan.wav"), (1, "3-good.wav")])
        {
            File.SetLastWriteTimeUtc(Path.Combine(folder, name), DateTime.UtcNow.AddHours(-age));
        }
        using var feed = Feed(grid, new { id = "card", folder, capture_time = "mtime" });
        await feed.UntilAsync(
            "card", "idle", status => status.GetProperty("note").GetString()!.Contains("2-gone.wav", StringComparison.Ordinal));
        var good = await grid.Client.GetStreamAsync(new GetStreamRequest { StreamId = "card-3-good.wav" });
        Assert.Equal(EndReason.Finished, good.EndReason);
        var fed = Assert.Single(await File.ReadAllLinesAsync(Path.Combine(folder, ".dass-fed")));
        Assert.EndsWith("3-good.wav", fed, StringComparison.Ordinal); // another grid may take the first
    }

    [NeedsFact("ffmpeg", "ffmpeg")]
    public async Task A_recording_whose_header_has_no_length_is_booked_by_its_end_too()
    {
        await using var grid = await TestGrid.StartAsync();
        var folder = _directory.CreateSubdirectory("flac").FullName;
        var file = Path.Combine(folder, "yard.flac");
        await Ffmpeg("-i", Dass.Babble, file).WaitForExitAsync();
        var written = new DateTime(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(file, written);
        using var feed = Feed(grid, new { id = "card", folder, capture_time = "mtime" });
        await feed.UntilAsync(
            "card", "idle", status => status.GetProperty("note").GetString()!.Contains("is done", StringComparison.Ordinal));
        using var call = grid.Client.Subscribe(new SubscribeRequest { StreamId = "card-yard.flac", FromChunk = 0 });
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        var begun = call.ResponseStream.Current.Subscribed.CaptureTime.ToDateTime();
        Assert.Equal(Babble.Samples / (double)Babble.SampleRateHz, (written - begun).TotalSeconds, 0.1);
    }

    [Fact]
    public async Task The_end_of_a_pipe_is_a_pause_and_the_next_one_goes_on_at_once()
    {
        await using var grid = await TestGrid.StartAsync();
        string[] arguments =
            ["stream", "-", "--rate", "16000", "--grid", grid.Host.Address.ToString(), "--stream-id", "mic", "--format", "json"];
        var audio = (await File.ReadAllBytesAsync(Dass.Babble))[44..(44 + 3 * 32_000)];
        for (var i = 0; i < 3; i++)
        {
            var result = await Dass.RunAsync(audio, arguments);
            Assert.True(result.ExitCode == 0, result.Errors);
            Assert.Contains("stays open", result.Errors);
            await AssertTimesAsync(grid, "mic");
        }
    }

    [Theory]
    [InlineData("""{ "sources": [ { "id": "a", "ulr": "rtsp://x/1" } ] }""", "sources[0].ulr is not known. Did you mean 'url'?")]
    [InlineData("""{ "sources": [ { "id": "a b", "url": "rtsp://x/1" } ] }""", "sources[0].id is 'a b'")]
    [InlineData("""{ "sources": [ { "id": "a", "url": "gopher://x" } ] }""", "sources[0].url is 'gopher://x'")]
    [InlineData("""{ "sources": [ { "id": "a", "pipe": "/tmp/x" } ] }""", "sources[0].rate is missing")]
    [InlineData("""{ "sources": [ { "id": "a", "url": "http://x", "device": "alsa:hw" } ] }""", "it has 2")]
    [InlineData("""{ "sources": [ { "id": "a", "url": "http://${NO_SUCH_VARIABLE}" } ] }""", "NO_SUCH_VARIABLE, which is not set")]
    [InlineData("""{ "sources": [ { "id": "a", "url": "http://x" }, { "id": "a", "url": "http://y" } ] }""", "id 'a' is used twice")]
    [InlineData("""{ "source": [] }""", "a list named sources")]
    [InlineData("""{ "sources": [ """, "line 1: it is no JSON")]
    public async Task A_mistake_in_a_file_of_sources_is_named_with_its_place(string text, string message)
    {
        var file = Path.Combine(_directory.FullName, "sources.json");
        await File.WriteAllTextAsync(file, text);
        var result = await Dass.RunAsync("feed", file);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(message, result.Errors);
    }

    [Fact]
    public async Task The_absence_of_ffmpeg_is_said_before_anything_starts()
    {
        var file = Path.Combine(_directory.FullName, "sources.json");
        await File.WriteAllTextAsync(file, """{ "sources": [ { "id": "a", "url": "rtsp://camera.invalid/1" } ] }""");
        using var dass = Dass.Start([("PATH", Path.GetDirectoryName(Environment.ProcessPath)!)], "feed", file);
        var result = await dass.ResultAsync();
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("Install ffmpeg", result.Errors);
        Assert.Empty(result.Output);
    }

    /// <summary>What the stream has heard ends within the minute before now, and so does its first chunk: it has just begun.</summary>
    internal static async Task AssertTimesAsync(TestGrid grid, string id)
    {
        using var call = grid.Client.Subscribe(new SubscribeRequest { StreamId = id, FromChunk = 0 });
        var (begin, end) = (default(DateTime), double.NaN);
        while (double.IsNaN(end) && await call.ResponseStream.MoveNext(CancellationToken.None))
        {
            begin = call.ResponseStream.Current.Subscribed?.CaptureTime.ToDateTime() ?? begin;
            end = call.ResponseStream.Current.Tags?.EndSeconds ?? end;
        }
        var status = await grid.Client.GetStreamAsync(new GetStreamRequest { StreamId = id });
        Assert.InRange(begin.AddSeconds(status.Summary.DurationSeconds), DateTime.UtcNow.AddMinutes(-1), DateTime.UtcNow.AddSeconds(2));
        Assert.InRange(begin.AddSeconds(end), DateTime.UtcNow.AddMinutes(-1), DateTime.UtcNow.AddSeconds(2));
    }

    private RunningFeed Feed(TestGrid grid, object source) =>
        new(Path.Combine(_directory.FullName, "sources.json"), grid.Host.Address.ToString(), source);

    private Process Ffmpeg(params string[] arguments) => _programs.Start("ffmpeg", ["-nostdin", "-loglevel", "error", .. arguments]);

    private static async Task<WebApplication> ServeAsync(string folder)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var web = builder.Build();
        web.Urls.Add("http://127.0.0.1:0");
        web.UseStaticFiles(new StaticFileOptions
        {
            FileProvider = new PhysicalFileProvider(folder),
            ServeUnknownFileTypes = true,
            ContentTypeProvider = new FileExtensionContentTypeProvider(),
        });
        await web.StartAsync();
        return web;
    }

    private static bool IsFree(int port)
    {
        using var probe = new TcpListener(IPAddress.Loopback, port);
        try
        {
            probe.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary><c>dass feed</c> as a process, and its file of one source.</summary>
    private sealed class RunningFeed : IDisposable
    {
        private readonly string _file;
        private readonly Dass _dass;
        private int _written;

        public RunningFeed(string file, string grid, object source)
        {
            _file = file;
            Write(source);
            _dass = Dass.Start([], "feed", file, "--grid", grid, "--format", "json", "--status-interval", "1s");
        }

        public void Write(object source) => WriteText(JsonSerializer.Serialize(new { sources = (object[])[source] }));

        public void WriteText(string text)
        {
            File.WriteAllText(_file, text);
            File.SetLastWriteTimeUtc(_file, DateTime.UtcNow.AddSeconds(++_written)); // also on a file system of whole seconds
        }

        /// <summary>Waits for a source's state.</summary>
        public async Task<JsonElement> UntilAsync(string id, string state, Func<JsonElement, bool>? rule = null)
        {
            while (await _dass.LineAsync() is { } line)
            {
                var status = JsonDocument.Parse(line).RootElement;
                if (
                    status.GetProperty("source").GetString() == id && status.GetProperty("state").GetString() == state
                    && rule?.Invoke(status) != false
                    && (state != "live" || status.GetProperty("delay_seconds").ValueKind == JsonValueKind.Number))
                {
                    return status;
                }
            }
            throw new InvalidOperationException("'dass feed' has ended: " + (await _dass.ResultAsync()).Errors);
        }

        /// <summary>SIGKILL: it can do nothing about its children.</summary>
        public void Kill() => _dass.Kill();

        public Task ErrorAsync(string fragment) => _dass.ErrorAsync(fragment);

        public void Dispose()
        {
            _dass.Terminate();
            _dass.Dispose();
        }
    }
}
