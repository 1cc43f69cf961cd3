using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Streams;

public sealed class CapacityTests
{
    [Fact]
    public async Task A_stream_without_a_free_slot_is_refused_until_another_ends()
    {
        await using var grid = await TestGrid.StartAsync(new() { ["Grid:Models:tiny:MaxStreams"] = "1" });
        using var only = await Feed.BeginAsync(grid.Client, Babble.Config("only"));

        using (var refused = new Feed(grid.Client))
        {
            await refused.SendAsync(new StreamRequest { Config = Babble.Config("next") });
            await TestGrid.RefusesAsync(StatusCode.ResourceExhausted, "All 1 stream slots", refused.ReadToEndAsync);
        }
        await TestGrid.UntilAsync(async () => await Yard.ActivationsAsync(grid) == 1); // another silo may take it the next time
        await only.SendBabbleAsync(0, Babble.Samples);
        await BareSession.AssertEqualAsync(only.Tags, await only.FinishAsync());

        using var next = await Feed.BeginAsync(grid.Client, Babble.Config("next"));
        Assert.Equal(0, next.Ready.NextSample);
    }

    [Fact]
    public async Task A_deadline_ends_the_call_and_leaves_the_stream()
    {
        await using var grid = await TestGrid.StartAsync();
        using (await Feed.BeginAsync(grid.Client, Babble.Config("first")))
        {
            // A grid's first stream takes longer to begin than the others.
        }
        using var call = grid.Client.Stream(deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(2));
        await call.RequestStream.WriteAsync(new StreamRequest { Config = Babble.Config("hurried") });
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        var end = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(CancellationToken.None));
        Assert.Equal(StatusCode.DeadlineExceeded, end.StatusCode);
        Assert.Equal(StreamState.Live, (await grid.Client.GetStreamAsync(new GetStreamRequest { StreamId = "hurried" })).Entry.State);
    }
}
