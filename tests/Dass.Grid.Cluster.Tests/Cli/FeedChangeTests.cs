using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Dass.Grid.Host;

namespace Dass.Grid.Cluster.Tests.Cli;

/// <summary>A file of sources that changes while <c>dass feed</c> reads it.</summary>
public sealed class FeedChangeTests : IDisposable
{
    private static readonly string[] Silence = ["head", "-c", "64000", "/dev/zero"];

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dass-change-");

    private string Sources => Path.Combine(_directory.FullName, "sources.json");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task A_change_during_the_start_is_seen()
    {
        using var grid = new TcpListener(IPAddress.Loopback, 0);
        grid.Start();
        Write("first");
        using var dass = Dass.Start(
            [], "feed", Sources, "--grid", $"http://{grid.LocalEndpoint}", "--format", "json", "--clip-label", "Dog", "--clips",
            _directory.FullName);
        using (await grid.AcceptSocketAsync()) // it has read the file, and asks for the labels
        {
            Write("second");
            grid.Stop();
        }
        await UntilAsync(dass, "second");
        dass.Terminate();
    }

    [Fact]
    public async Task A_moment_in_which_the_file_may_not_be_read_ends_nothing()
    {
        Write("first");
        using var dass = Dass.Start(
            [], "feed", Sources, "--grid", $"http://127.0.0.1:{EmbeddedGrid.FreePort()}", "--format", "json");
        await UntilAsync(dass, "first");
        File.Delete(Sources);
        Directory.CreateDirectory(Sources); // which no rights make a file
        await dass.ErrorAsync("is denied");
        Directory.Delete(Sources);
        Write("second");
        await UntilAsync(dass, "second");
        dass.Terminate();
    }

    private void Write(string id)
    {
        File.WriteAllText(Sources, JsonSerializer.Serialize(new { sources = (object[])[new { id, command = Silence, rate = 16_000 }] }));
        File.SetLastWriteTimeUtc(Sources, DateTime.UtcNow.AddSeconds(id.Length)); // also on a file system of whole seconds
    }

    private static async Task UntilAsync(Dass dass, string id)
    {
        while (await dass.LineAsync() is { } line)
        {
            if (JsonDocument.Parse(line).RootElement.GetProperty("source").GetString() == id)
            {
                return;
            }
        }
        Assert.Fail("'dass feed' has ended: " + (await dass.ResultAsync()).Errors);
    }
}
