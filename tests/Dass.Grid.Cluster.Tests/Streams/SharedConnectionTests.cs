using Dass.Grid.Cluster.Tests.Support;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Streams;

/// <summary>Streams that share one HTTP/2 connection.</summary>
public sealed class SharedConnectionTests : IAsyncLifetime
{
    private const int Floods = 4;
    private const int UnreadBytes = 1 << 18; // of a call that is not read
    private const int UnreadSeconds = UnreadBytes / (Babble.SampleRateHz * Babble.BytesPerFrame);
    private const int LiveSamples = 4 * Babble.SampleRateHz; // less than what every call may send at once

    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());
    private TestGrid _grid = null!;

    public async Task InitializeAsync() =>
        _grid = await TestGrid.StartAsync(_time, new()
        {
            ["Tenants:default:Limits:AudioRate"] = $"{Floods + 1}", ["Grid:Gateway:UnreadBytes"] = $"{UnreadBytes}",
        });

    public Task DisposeAsync() => _grid.StopAsync(_time);

    [Fact]
    public async Task Calls_that_are_not_read_do_not_stop_the_others()
    {
        // A clock that stands lets no call take in audio beyond the first seconds: the gateway reads no more of these calls, and each
        // client sends until HTTP/2 stops it.
        using var stop = new CancellationTokenSource();
        var floods = await Task.WhenAll(
            Enumerable.Range(0, Floods).Select(i => Feed.BeginAsync(_grid.Client, Babble.Config($"flood-{i}"))));
        var sent = new int[Floods]; // seconds of audio
        var flooding = floods.Select(async (feed, i) =>
        {
            while (!stop.IsCancellationRequested)
            {
                await feed.SendAsync(Babble.Slice(0, Babble.SampleRateHz));
                Interlocked.Increment(ref sent[i]);
            }
        }).ToArray();
        for (int[] before = []; !before.SequenceEqual(sent) || sent.Min() < UnreadSeconds;)
        {
            before = [.. sent];
            await Task.Delay(500); // no signal comes when HTTP/2 stops a sender: all may have sent so much, and none has for so long
        }

        using var live = await Feed.BeginAsync(_grid.Client, Babble.Config("live"));
        await live.SendBabbleAsync(0, LiveSamples);
        BareSession.AssertEqual(
            await BareSession.HearAsync(TestGrid.TinyModel, Babble.Slice(0, LiveSamples)), live.Tags, await live.FinishAsync());
        Assert.DoesNotContain(flooding, flood => flood.IsCompleted); // else the live one came to its end because they had

        await stop.CancelAsync();
        Array.ForEach(floods, flood => flood.Dispose());
        foreach (var flood in flooding)
        {
            await Assert.ThrowsAsync<RpcException>(() => flood);
        }
    }
}
