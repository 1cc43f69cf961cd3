using Dass.Grid.Cluster.Tests.Support;

namespace Dass.Grid.Cluster.Tests.Cli;

/// <summary>Connections that break while the sender itself has nothing to send.</summary>
public class PipeResumeTests
{
    private const int Rate = 16_000;
    private const int BytesPerSecond = Rate * sizeof(short);

    [Fact]
    public async Task A_pipe_that_is_silent_while_the_connection_breaks_and_comes_back_loses_nothing()
    {
        var audio = await SamplesAsync();
        var broken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var grid = await TestGrid.StartAsync();
        await using var relay = new BreakingRelay(new Route(grid.Host.Address, Breaks: broken.Task), new Route(grid.Host.Address));
        using var dass = Dass.Start([], Arguments(relay));
        var lines = new List<string?>();

        await dass.FeedAsync(audio[..(7 * BytesPerSecond)]);
        while (lines.Count < 1 + 6) // ready, and the chunks of 0.96 s that 7 s give before 0.64 s of look-ahead
        {
            lines.Add(await dass.LineAsync());
        }
        broken.SetResult();
        await dass.ErrorAsync("stream yard is interrupted");
        await dass.ErrorAsync("stream yard goes on");
        await dass.InputAsync(audio[(7 * BytesPerSecond)..]);

        var result = await dass.ResultAsync();
        Assert.True(result.ExitCode == 0, result.Errors);
        Assert.Equal<string?>(await UninterruptedAsync(audio), lines[1..].Concat(result.Lines));
    }

    [Fact]
    public async Task A_sender_that_waits_for_room_when_the_connection_breaks_goes_on_afterwards()
    {
        const int Room = 30 * Rate; // what is sent ahead of the acknowledgements
        var once = await SamplesAsync();
        byte[] audio = [.. once, .. once, .. once];
        var deaf = new DeafGrid(Room);
        await using var grid = await deaf.StartAsync();
        await using var relay = new BreakingRelay(new Route(grid.Host.Address, Breaks: deaf.Heard), new Route(grid.Host.Address));

        var result = await Dass.RunAsync(audio, Arguments(relay));

        Assert.True(result.ExitCode == 0, result.Errors);
        Assert.Contains("stream yard is interrupted", result.Errors);
        Assert.InRange(deaf.Samples, Room, Room + Rate / 10); // it did wait: less than a piece more
        Assert.Equal(await UninterruptedAsync(audio), result.Lines[1..]);
    }

    private static string[] Arguments(BreakingRelay relay) =>
        ["stream", "-", "--finish", "--rate", $"{Rate}", "--grid", relay.Address, "--stream-id", "yard", "--format", "json"];

    private static async Task<byte[]> SamplesAsync() => (await File.ReadAllBytesAsync(Dass.Babble))[44..];

    private static async Task<string[]> UninterruptedAsync(byte[] audio) =>
        (await Dass.RunAsync(audio, "stream", "-", "--rate", $"{Rate}", "--model", TestGrid.TinyModel, "--format", "json")).Lines[1..];
}
