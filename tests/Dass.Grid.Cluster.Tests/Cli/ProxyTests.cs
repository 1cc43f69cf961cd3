using Dass.Grid.Cluster.Tests.Support;

namespace Dass.Grid.Cluster.Tests.Cli;

/// <summary><c>dass</c> where the environment names a proxy.</summary>
public sealed class ProxyTests
{
    private const string Dead = "http://127.0.0.1:9"; // no proxy listens there
    private const string Here = "0.0.0.0"; // leads to this machine, needs no name server, and is no address of loopback

    [Theory]
    [InlineData("http_proxy", "http://grid.example:5230")]
    [InlineData("https_proxy", "https://grid.example:5230")]
    [InlineData("ALL_PROXY", "http://grid.example:5230")]
    public async Task An_error_behind_a_proxy_names_the_variable(string variable, string grid)
    {
        using var dass = Dass.Start([.. NoProxy, (variable, Dead)], "streams", "--grid", grid);
        var result = await dass.ResultAsync();
        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"goes through the proxy that the variable {variable} names; no_proxy takes the grid's host out", result.Errors);
    }

    [Fact]
    public async Task A_host_that_no_proxy_takes_out_is_not_blamed_on_it()
    {
        using var dass = Dass.Start(
            [.. NoProxy, ("http_proxy", Dead), ("no_proxy", Here)], "streams", "--grid", $"http://{Here}:9");
        var result = await dass.ResultAsync();
        Assert.Equal(1, result.ExitCode);
        Assert.DoesNotContain("proxy", result.Errors);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    public async Task Loopback_never_goes_through_one(string host)
    {
        await using var grid = await TestGrid.StartAsync();
        using var dass = Dass.Start(
            [.. NoProxy, ("http_proxy", Dead), ("ALL_PROXY", Dead)], "streams", "--grid", $"http://{host}:{grid.Host.Address.Port}");
        var result = await dass.ResultAsync();
        Assert.True(result.ExitCode == 0, result.Errors);
    }

    /// <summary>None of this machine's own.</summary>
    private static (string, string)[] NoProxy =>
    [
        .. from name in (string[])["http_proxy", "https_proxy", "all_proxy", "no_proxy"]
        from each in (string[])[name, name.ToUpperInvariant()]
        select (each, ""),
    ];
}
