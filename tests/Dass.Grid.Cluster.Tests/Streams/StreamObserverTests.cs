using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Contracts;
using Dass.Grid.Gateway;
using Dass.Grid.Gateway.Subscriptions;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Streams;

/// <summary>What a gateway's renewals of its lease make of messages that were lost, and of a stream that is away.</summary>
public sealed class StreamObserverTests : IAsyncLifetime
{
    private static readonly GatewayOptions Options = new() { RecoveryPatience = TimeSpan.FromSeconds(10) };
    private static readonly HeardSummary Nothing = new(0, 0, [], []);
    private static readonly ModelSummary One = new("one", "1", LabelCount: 1, Note: "", IsDefault: true);
    private static readonly ModelSummary Other = new("other", "2", LabelCount: 1, Note: "", IsDefault: false);

    private readonly FakeTimeProvider _time = new();
    private readonly SubscriberQueue _queue = new(capacity: 64);
    private readonly StreamObserver _observer;
    private volatile Outcome<StreamStatus> _status = Status(One, nextChunk: 3);
    private volatile int _asked;

    public StreamObserverTests()
    {
        var stream = GrainStub.Create<IStreamGrain>((method, _) =>
        {
            if (method.Name != nameof(IStreamGrain.Subscribe))
            {
                return Task.CompletedTask;
            }
            Interlocked.Increment(ref _asked);
            return Task.FromResult(_status);
        });
        var grains = GrainStub.Create<IGrainFactory>(
            (method, args) => method.Name == nameof(IGrainFactory.GetGrain) ? stream : args[0]); // a reference is the object itself
        _observer = new StreamObserver(new Contracts.StreamId("default", "yard"), grains, Options, _time, NullLogger.Instance);
        _observer.Add(_queue);
    }

    public Task InitializeAsync() => _observer.SubscribeAsync();

    public Task DisposeAsync() => _observer.StopAsync();

    [Fact]
    public async Task A_change_of_the_model_whose_message_was_lost_is_told_once()
    {
        _status = Status(Other, nextChunk: 7);
        await RenewAsync(times: 3);
        var change = Assert.Single(await ReadToEndAsync(), item => item.Change is not null).Change;
        Assert.Equal((One, Other, 7), (change!.Before, change.Model, change.NextChunk));
    }

    [Fact]
    public async Task A_change_of_the_model_that_came_as_a_message_is_not_told_again()
    {
        await _observer.OnModel(new ModelChange(One, Other, NextChunk: 5, []));
        _status = Status(Other, nextChunk: 7);
        await RenewAsync(times: 3);
        Assert.Equal(5, Assert.Single(await ReadToEndAsync(), item => item.Change is not null).NextChunk);
    }

    [Fact]
    public async Task A_source_that_stays_away_takes_the_place_of_no_other_notice()
    {
        await _observer.OnModel(new ModelChange(One, Other, NextChunk: 3, []));
        _status = Status(Other, nextChunk: 3, new SoundEvent("lost", SoundEventKind.Opened, 1_000_000, 1, 1, 0, 0));
        await RenewAsync(times: 70);
        var items = await ReadToEndAsync();
        Assert.Single(items, item => item.Lost is not null);
        Assert.Single(items, item => item.Change is not null);
    }

    [Fact]
    public async Task A_stream_that_cannot_be_read_is_not_lost_until_it_has_been_unknown_for_long()
    {
        _status = new Refusal(RefusalCode.Busy, "The store is away.");
        await RenewAsync(times: 10);
        _status = new Refusal(RefusalCode.UnknownStream, "");
        await RenewAsync(times: 3);
        Assert.Null(_queue.End);
        await RenewAsync(times: 4);
        Assert.Equal(StreamEndReason.Lost, _queue.End?.Reason);
    }

    /// <summary>So many renewals have been taken in when this returns, and the one after them has been asked for.</summary>
    private async Task RenewAsync(int times)
    {
        for (var i = 0; i <= times; i++)
        {
            var asked = _asked;
            _time.Advance(Options.LeaseRenewal);
            await TestGrid.UntilAsync(() => _asked > asked, () => Task.Delay(1));
        }
    }

    private async Task<List<SubscriberItem>> ReadToEndAsync()
    {
        _queue.Complete(new StreamEnd(StreamEndReason.Finished, Nothing));
        var items = new List<SubscriberItem>();
        await foreach (var item in _queue.ReadAllAsync(CancellationToken.None))
        {
            items.Add(item);
        }
        return items;
    }

    private static StreamStatus Status(ModelSummary model, long nextChunk, SoundEvent? lost = null)
    {
        var shape = new StreamShape(
            new AudioShape(AudioEncoding.Pcm16, 16_000, Channels: 1), BytesPerFrame: 2, model, TimeSpan.FromSeconds(1), TimeSpan.Zero);
        return new StreamStatus(shape, DateTimeOffset.UnixEpoch, NextSample: 0, nextChunk, Nothing, End: null) { Lost = lost };
    }
}
