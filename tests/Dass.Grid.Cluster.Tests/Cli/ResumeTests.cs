using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;

namespace Dass.Grid.Cluster.Tests.Cli;

public class ResumeTests
{
    private const int SomeAnswers = 5_000; // bytes: after the first acknowledgements, long before the end

    private static readonly Lazy<Task<string[]>> Uninterrupted = new(async () =>
        (await Dass.RunAsync("stream", Dass.Babble, "--model", TestGrid.TinyModel, "--format", "json")).Lines[1..]);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_connection_that_breaks_costs_no_audio_and_no_tags(bool pipe)
    {
        await using var grid = await TestGrid.StartAsync();
        await using var relay = new BreakingRelay(new Route(grid.Host.Address, SomeAnswers), new Route(grid.Host.Address));

        var result = await StreamAsync(relay, pipe);

        Assert.True(result.ExitCode == 0, result.Errors);
        Assert.Contains("stream yard is interrupted", result.Errors);
        Assert.Equal(await Uninterrupted.Value, result.Lines[1..]);
    }

    [Fact]
    public async Task A_file_is_read_again_for_a_grid_that_has_lost_the_stream()
    {
        await using var first = await TestGrid.StartAsync();
        await using var second = await TestGrid.StartAsync();
        await using var relay = new BreakingRelay(new Route(first.Host.Address, SomeAnswers), new Route(second.Host.Address));

        var result = await StreamAsync(relay, pipe: false);

        Assert.True(result.ExitCode == 0, result.Errors);
        Assert.Contains("goes on at 0.00 s", result.Errors);
        Assert.Equal(await Uninterrupted.Value, result.Lines[1..]);
    }

    [Fact]
    public async Task A_pipe_goes_on_in_a_grid_that_has_lost_the_stream_as_far_as_its_audio_is_kept()
    {
        await using var first = await TestGrid.StartAsync();
        await using var second = await TestGrid.StartAsync();
        await using var relay = new BreakingRelay(new Route(first.Host.Address, SomeAnswers), new Route(second.Host.Address));

        var result = await StreamAsync(relay, pipe: true);

        Assert.True(result.ExitCode == 0, result.Errors);
        Assert.Contains("goes on at 0.00 s", result.Errors);
        Assert.Equal(await Uninterrupted.Value, result.Lines[1..]);
    }

    [Fact]
    public async Task A_summary_that_got_lost_on_the_way_is_fetched()
    {
        // The relay also swallows what lets a client send on: all of the recording goes out without it.
        await using var grid = await TestGrid.StartAsync(new() { ["Grid:Gateway:UnreadBytes"] = $"{1 << 20}" });
        var over = new TaskCompletionSource();
        await using var relay = new BreakingRelay(new Route(grid.Host.Address, SomeAnswers, over.Task), new Route(grid.Host.Address));

        var streaming = StreamAsync(relay, pipe: false);
        await relay.AnswersUsedUp;
        using (var call = grid.Client.Subscribe(new SubscribeRequest { StreamId = "yard" }, deadline: TestGrid.Deadline))
        {
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
            {
            }
        }
        over.SetResult();

        var result = await streaming;
        Assert.True(result.ExitCode == 0, result.Errors);
        Assert.Equal(await Uninterrupted.Value, result.Lines[1..]);
    }

    [Fact]
    public async Task A_pipe_continues_a_stream_where_it_stands_and_a_file_from_what_it_still_has()
    {
        await using var grid = await TestGrid.StartAsync();
        var address = grid.Host.Address.ToString();
        var samples = (await File.ReadAllBytesAsync(Dass.Babble))[44..];
        var half = samples.Length / 4 * 2;
        foreach (var id in (string[])["pipe", "file"])
        {
            await FeedHalfAsync(grid, id, samples[..half]);
        }

        var piped = await Dass.RunAsync(
            samples[half..], "stream", "-", "--finish", "--rate", "16000", "--grid", address, "--stream-id", "pipe", "--format",
            "json");
        var whole = await Dass.RunAsync("stream", Dass.Babble, "--grid", address, "--stream-id", "file", "--format", "json");

        var summary = (await Uninterrupted.Value)[^1];
        Assert.Equal(summary, piped.Lines[^1]);
        Assert.Equal(summary, whole.Lines[^1]);
    }

    private static async Task FeedHalfAsync(TestGrid grid, string id, byte[] samples)
    {
        using var call = grid.Client.Stream(deadline: TestGrid.Deadline);
        var config = new StreamConfig
        {
            StreamId = id,
            Format = new AudioFormat { Encoding = Encoding.Pcm16, SampleRateHz = 16_000, Channels = 1 },
        };
        await call.RequestStream.WriteAsync(new StreamRequest { Config = config });
        await call.RequestStream.WriteAsync(
            new StreamRequest { Audio = new Audio { Data = Google.Protobuf.ByteString.CopyFrom(samples) } });
        await call.RequestStream.CompleteAsync();
        while (await call.ResponseStream.MoveNext(CancellationToken.None))
        {
        }
    }

    private static async Task<Dass.Result> StreamAsync(BreakingRelay relay, bool pipe)
    {
        string[] to = ["--grid", relay.Address, "--stream-id", "yard", "--format", "json"];
        return pipe
            ? await Dass.RunAsync((await File.ReadAllBytesAsync(Dass.Babble))[44..], ["stream", "-", "--finish", "--rate", "16000", .. to])
            : await Dass.RunAsync(["stream", Dass.Babble, .. to]);
    }
}
