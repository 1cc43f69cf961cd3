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
}
