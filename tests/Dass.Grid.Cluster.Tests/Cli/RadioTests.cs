using System.Diagnostics;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Host;
using Dass.Grid.Tests;

namespace Dass.Grid.Cluster.Tests.Cli;

/// <summary><c>dass stream</c> and a radio of Icecast's.</summary>
public sealed class RadioTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dass-radio-");
    private readonly ChildProcesses _programs = new();
    private readonly HttpClient _http = new();

    public void Dispose()
    {
        _programs.Dispose();
        _http.Dispose();
        _directory.Delete(recursive: true);
    }

    [NeedsFact("icecast2", "icecast2")]
    public async Task An_icecast_radio_is_heard_by_dass_stream()
    {
        var radio = await BroadcastAsync();
        await using var grid = await TestGrid.StartAsync();
        using var dass = Dass.Start([], "stream", radio, "--grid", grid.Host.Address.ToString(), "--stream-id", "radio");

        Assert.StartsWith("stream radio, model", await dass.LineAsync());
        for (var i = 0; i < 5; i++)
        {
            Assert.Contains("s - ", await dass.LineAsync());
        }
        await FeedCommandTests.AssertTimesAsync(grid, "radio");
    }

    /// <summary>Until the radio plays. A port may be taken by another test, and then by whose server is of no interest here.</summary>
    private async Task<string> BroadcastAsync()
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(_directory.FullName, (UnixFileMode)0b111_111_111);
        }
        var (port, server, source) = (0, default(Process), default(Process));
        await TestGrid.UntilAsync(() => PlaysAsync(port), async () =>
        {
            if (server?.HasExited != false)
            {
                port = EmbeddedGrid.FreePort();
                var config = Path.Combine(_directory.FullName, $"icecast-{port}.xml");
                await File.WriteAllTextAsync(config, Config(port));
                server = _programs.Start("icecast2", "-c", config);
            }
            else if (source?.HasExited != false)
            {
                source = _programs.Start(
                    "ffmpeg", "-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-i", Dass.Babble, "-c:a", "libmp3lame",
                    "-content_type", "audio/mpeg", "-f", "mp3", $"icecast://source:hackme@127.0.0.1:{port}/radio");
            }
            await Task.Delay(200);
        });
        return $"http://127.0.0.1:{port}/radio";
    }

    private async Task<bool> PlaysAsync(int port)
    {
        try
        {
            using var answer = await _http.GetAsync($"http://127.0.0.1:{port}/radio", HttpCompletionOption.ResponseHeadersRead);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private string Config(int port) => $"""
        <icecast>
          <limits><sources>2</sources></limits>
          <authentication>
            <source-password>hackme</source-password><admin-user>a</admin-user><admin-password>b</admin-password>
          </authentication>
          <hostname>localhost</hostname>
          <listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
          <paths>
            <logdir>{_directory.FullName}</logdir><webroot>/usr/share/icecast2/web</webroot>
            <adminroot>/usr/share/icecast2/admin</adminroot>
          </paths>
          <security><chroot>0</chroot><changeowner><user>daemon</user><group>daemon</group></changeowner></security>
        </icecast>
        """;
}
