using System.Collections.Concurrent;
using Dass.Grid.Client;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Notify.Reading;
using Dass.Grid.Notify.Routes;
using Dass.Grid.V1;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Notices;

/// <summary>What comes of events that a subscription tells of, when the grid does not do as it should.</summary>
public sealed class LiveEventsTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task A_grid_that_refuses_is_told_of_once_and_nothing_is_read_again_for_it()
    {
        await using var grid = await TestGrid.StartAsync(new() { ["Tenants:default:Limits:Subscribers"] = "1" });
        using var client = new GridClient(grid.Host.Address);
        using var other = grid.Client.Subscribe(new SubscribeRequest { AllStreams = true }, deadline: TestGrid.Deadline);
        await other.ResponseHeadersAsync;
        var (notes, interruptions) = (new ConcurrentQueue<string>(), 0);
        using var stop = new CancellationTokenSource();
        var seeing = new LiveEvents(client, _time, _ => { }, _ => { }, () => interruptions++, notes.Enqueue).RunAsync(stop.Token);
        await TestGrid.UntilAsync(() => !notes.IsEmpty);
        Assert.Contains("subscribers is 1", Assert.Single(notes), StringComparison.Ordinal);

        other.Dispose();
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config("yard"));
        await TestGrid.UntilAsync(() => notes.Count > 1, () =>
        {
            _time.Advance(TimeSpan.FromSeconds(61));
            return Task.Delay(100);
        });
        Assert.Contains("at once again", notes.Last(), StringComparison.Ordinal);
        Assert.Equal(0, interruptions);
        await stop.CancelAsync();
        await seeing;
    }

    [Fact]
    public async Task A_stream_that_cannot_be_asked_for_holds_up_the_sounds_of_others_for_half_a_minute()
    {
        using var nowhere = new GridClient(new Uri("http://127.0.0.1:1"));
        var opened = new OpenedEvents(nowhere, _time);
        opened.Add(new OpenedEvent("yard", new Event(), DateTime.UtcNow, DateTime.UtcNow));
        await Assert.ThrowsAsync<RpcException>(() => opened.FirstAsync(CancellationToken.None));
        _time.Advance(TimeSpan.FromSeconds(31));
        Assert.Null(await opened.FirstAsync(CancellationToken.None));
    }
}
