using Dass.Grid.Client;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Dass.Grid.Cluster.Tests.Client;

/// <summary>A connection that dies without a word: neither side is told, and neither has anything to say.</summary>
public sealed class DeadConnectionTests
{
    private static readonly KeepAlivePings Pings = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3)); // a busy machine answers late

    [Fact]
    public async Task Client_and_grid_notice_it_each_for_itself_and_the_client_comes_back()
    {
        static void Ping(KestrelServerOptions kestrel)
        {
            var http2 = kestrel.Limits.Http2;
            (http2.KeepAlivePingDelay, http2.KeepAlivePingTimeout) = (Pings.Delay, Pings.Timeout);
        }
        await using var grid = await TestGrid.StartAsync(
            configure: builder => builder.Services.PostConfigure<KestrelServerOptions>(Ping));
        await using var relay = new HoldingRelay(grid.Host.Address);
        using var client = new GridClient(relay.Address, key: null, certificate: null, Pings);
        using var stop = new CancellationTokenSource(TestGrid.Patience * 2);
        var interrupted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var reconnect = new ReconnectOptions
        {
            GiveUpAfter = Timeout.InfiniteTimeSpan, Interrupted = _ => interrupted.TrySetResult(),
        };

        // A feeder that has sent all that it has.
        var pipe = new System.IO.Pipelines.Pipe();
        await using var tape = new AudioTape(Babble.Config(Yard.Id).Format, pipe.Reader.AsStream());
        var feed = new StreamFeed(client, tape, Babble.Config(Yard.Id), new StreamFeedOptions { Reconnect = reconnect });
        var applied = 0L;
        var feeding = Task.Run(async () =>
        {
            await foreach (var answer in feed.RunAsync(stop.Token))
            {
                Interlocked.Exchange(ref applied, Math.Max(applied, answer.Ack?.AppliedSample ?? 0));
            }
        });
        await pipe.Writer.WriteAsync(Babble.Slice(0, Yard.Quarter), stop.Token);
        await TestGrid.UntilAsync(() => Interlocked.Read(ref applied) == Yard.Quarter);
        Assert.True(await IsAttachedAsync());

        relay.Hold();
        await interrupted.Task.WaitAsync(TestGrid.Patience); // a quarter of an hour, if TCP alone were to notice
        await TestGrid.UntilAsync(async () => !await IsAttachedAsync(), () => Task.Delay(100));

        relay.Pass();
        await pipe.Writer.WriteAsync(Babble.Slice(Yard.Quarter, Yard.Quarter), stop.Token);
        await TestGrid.UntilAsync(() => Interlocked.Read(ref applied) == Yard.Half);
        await stop.CancelAsync();
        await Task.WhenAny(feeding); // it ends as cancelled

        async Task<bool> IsAttachedAsync() =>
            (await grid.Client.GetStreamAsync(new GetStreamRequest { StreamId = Yard.Id })).Entry.Health.Attached;
    }
}
