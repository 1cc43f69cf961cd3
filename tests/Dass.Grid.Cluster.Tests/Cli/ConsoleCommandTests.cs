using System.Net;
using System.Net.Sockets;
using Dass.Grid.Host;

namespace Dass.Grid.Cluster.Tests.Cli;

public sealed class ConsoleCommandTests
{
    [Fact]
    public async Task The_page_is_where_the_command_says_until_it_is_ended()
    {
        using var dass = Dass.Start([], "console", "--no-browser");
        var address = new Uri((await dass.LineAsync())!);
        Assert.True(address.IsLoopback);
        using var http = new HttpClient { BaseAddress = address };
        Assert.Contains("<title>Dass.Grid</title>", await http.GetStringAsync("/"), StringComparison.Ordinal);
        Assert.Contains("\"tenant\":\"default\"", await http.GetStringAsync("/v1/session"), StringComparison.Ordinal);
        await dass.ErrorAsync("gRPC answers on http://127.0.0.1:");

        dass.Terminate();
        var result = await dass.ResultAsync();
        Assert.Equal((0, ""), (result.ExitCode, result.Output));
        await Assert.ThrowsAsync<HttpRequestException>(() => http.GetStringAsync("/"));
    }

    [Fact]
    public async Task A_port_that_is_none_is_refused_as_wrong_usage()
    {
        var result = await Dass.RunAsync("console", "--port", "65536");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("--port is '65536'; it must be a whole number from 0 to 65535", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_said_with_its_option()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        var console = await Dass.RunAsync("console", "--no-browser", "--port", $"{port}");
        Assert.Equal(1, console.ExitCode);
        Assert.StartsWith($"dass: --port is '{port}', which cannot be listened on: ", console.Errors, StringComparison.Ordinal);

        var sources = Path.GetTempFileName();
        await File.WriteAllTextAsync(sources, """{"sources": []}""");
        var feed = await Dass.RunAsync("feed", sources, "--metrics", $"http://127.0.0.1:{port}", "--grid", "http://127.0.0.1:1");
        File.Delete(sources);
        Assert.Equal(1, feed.ExitCode);
        Assert.Contains(
            $"dass: --metrics is 'http://127.0.0.1:{port}', which cannot be listened on: ", feed.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_port_that_is_forbidden_is_said_with_what_to_do()
    {
        var refused = GridPorts.Refused("--port", "80", new SocketException((int)SocketError.AccessDenied));
        Assert.StartsWith("--port is '80', which cannot be listened on: ", refused.Message, StringComparison.Ordinal);
        Assert.EndsWith("Ports below 1024 are the administrator's; another port can be set.", refused.Message, StringComparison.Ordinal);
    }
}
