using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Tenants;

public sealed class OverloadTests
{
    [Fact]
    public async Task A_silo_whose_live_audio_waits_takes_no_new_streams_and_keeps_those_that_it_has()
    {
        await using var grid = await TestGrid.StartAsync(new() { ["Grid:Streams:MaxLiveWait"] = "00:00:00.0000001" });
        var clip = new TagRequest { Format = Babble.Format, Audio = ByteString.CopyFrom(new byte[3200]) };
        RpcException? refusal = null;
        await TestGrid.UntilAsync(() => refusal is not null, async () => // a fast device may have heard all before the test asks
        {
            var feeds = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Feed.BeginAsync(grid.Client, Babble.Config())));
            var hearing = Task.WhenAll(feeds.Select(HearAsync));
            while (refusal is null && !hearing.IsCompleted)
            {
                try
                {
                    await grid.Client.TagAsync(clip, deadline: TestGrid.Deadline);
                }
                catch (RpcException refused)
                {
                    refusal = refused;
                }
            }
            await hearing;
        });
        Assert.Equal(StatusCode.ResourceExhausted, refusal!.StatusCode);
        Assert.Contains("Grid:Streams:MaxLiveWait", refusal.Status.Detail, StringComparison.Ordinal);
        Assert.Equal("5", refusal.Trailers.GetValue("retry-after"));

        static async Task HearAsync(Feed feed)
        {
            using (feed)
            {
                await feed.SendBabbleAsync(0, Babble.Samples);
                await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
            }
        }
    }

    [Fact]
    public async Task Acknowledgements_say_when_audio_comes_faster_than_real_time()
    {
        await using var grid = await TestGrid.StartAsync();
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config());
        await feed.SendBabbleAsync(0, Babble.Samples); // 15 s at once, of which 5 s may be ahead
        await feed.FinishAsync();
        Assert.False(feed.Acks[0].CatchesUp);
        Assert.True(feed.Acks[^1].CatchesUp);
        Assert.True(feed.Acks[^1].DeviceWait.ToTimeSpan() > TimeSpan.Zero);
    }
}
