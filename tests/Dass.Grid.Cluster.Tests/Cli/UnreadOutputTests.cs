using Dass.Grid.Cluster.Tests.Support;

namespace Dass.Grid.Cluster.Tests.Cli;

/// <summary>Programs that have what they want of <c>dass</c> and go, as <c>head</c>.</summary>
public sealed class UnreadOutputTests
{
    [Fact]
    public async Task A_command_without_an_end_ends_when_its_reader_has_gone()
    {
        await using var grid = await TestGrid.StartAsync();
        string[] to = ["--grid", grid.Host.Address.ToString()];
        using var watch = Dass.Start([], ["watch", "--all", .. to]);
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config("yard"));
        await feed.SendBabbleAsync(0, Babble.Samples / 2);
        Assert.Contains("yard", await watch.LineAsync());

        watch.StopReading();
        await feed.SendBabbleAsync(Babble.Samples / 2, Babble.Samples);

        var (code, errors) = await watch.ExitAsync();
        Assert.Equal(141, code);
        Assert.DoesNotContain("interrupted", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("dass:", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_outlives_the_reader_of_its_log()
    {
        using var serve = Dass.Start(
            [], "serve", "--", "--Grid:Listen=http://127.0.0.1:0", "--Grid:OperationsListen=http://127.0.0.1:0", "--Grid:HttpListen=");
        await serve.LineAsync();
        serve.StopReading();
        await Task.Delay(TimeSpan.FromSeconds(3)); // it starts, and writes of that

        serve.Terminate();

        Assert.NotEqual(141, (await serve.ExitAsync()).ExitCode);
    }
}
