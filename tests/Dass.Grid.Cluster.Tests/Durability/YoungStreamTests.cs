using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway.Subscriptions;
using Dass.Grid.Host;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.DependencyInjection;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>A silo is lost with a stream that has no checkpoint yet: gateway and clients have its audio, and know when it began.</summary>
public sealed class YoungStreamTests : IAsyncLifetime
{
    private readonly StoreFolder _store = new();
    private TestGrid _gateway = null!;
    private EmbeddedGrid _silo = null!;

    public async Task InitializeAsync()
    {
        _gateway = await TestGrid.StartAsync(new() { ["Grid:Role"] = "gateway" });
        _silo = await _gateway.StartSiloAsync(_store.Settings());
    }

    public async Task DisposeAsync()
    {
        await _silo.DisposeAsync();
        await _gateway.DisposeAsync();
        _store.Dispose();
    }

    [Theory]
    [InlineData("one")]
    [InlineData("list")]
    [InlineData("prefix")]
    [InlineData("all")]
    public async Task A_subscriber_receives_each_chunk_once(string kind)
    {
        using var feed = await Feed.BeginAsync(_gateway.Client, Babble.Config(Yard.Id));
        using var call = _gateway.Client.Subscribe(Selecting(kind), deadline: TestGrid.Deadline);
        await feed.SendBabbleAsync(0, Yard.Half);
        await feed.AppliedAsync(Yard.Half);
        var (received, ended) = (new List<Tags>(), false);
        await ReadAsync(() => received.Count < 3);

        await LoseSiloAsync();
        await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
        await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
        Assert.Empty(feed.Gaps);
        await ReadAsync(() => !ended);
        await BareSession.AssertEqualAsync(received);

        async Task ReadAsync(Func<bool> more)
        {
            while (more() && await call.ResponseStream.MoveNext(CancellationToken.None))
            {
                if (call.ResponseStream.Current.Tags is { } tags)
                {
                    received.Add(tags);
                }
                ended |= call.ResponseStream.Current.Ended is not null;
            }
        }
    }

    [Theory]
    [InlineData("list")]
    [InlineData("prefix")]
    [InlineData("all")]
    public async Task A_subscriber_that_comes_before_the_client_is_back_receives_the_stream(string kind)
    {
        var config = Babble.Config(Yard.Id);
        using (var feed = await Feed.BeginAsync(_gateway.Client, config))
        {
            await feed.SendBabbleAsync(0, Yard.Half);
            await feed.AppliedAsync(Yard.Half);
            config.Begun = feed.Ready.Begun;
        }
        await LoseSiloAsync();
        using var other = await Feed.BeginAsync(_gateway.Client, Babble.Config("yak")); // sends no audio
        var selection = Selecting(kind);
        if (kind == "list")
        {
            selection.StreamIds.Add("yak");
        }
        using var call = _gateway.Client.Subscribe(selection, deadline: TestGrid.Deadline);
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        Assert.Equal("yak", call.ResponseStream.Current.StreamId); // the tenant's streams have been listed, and the lost one is not there

        using var again = await Feed.BeginAsync(_gateway.Client, config);
        await again.SendBabbleAsync(0, Babble.Samples);
        await BareSession.AssertEqualAsync(again.Tags, await again.FinishAsync());
        var received = new List<Tags>();
        while (await call.ResponseStream.MoveNext(CancellationToken.None) && call.ResponseStream.Current.Ended is null)
        {
            if (call.ResponseStream.Current.Tags is { } tags)
            {
                received.Add(tags);
            }
        }
        await BareSession.AssertEqualAsync(received);
    }

    [Fact]
    public async Task A_subscriber_misses_nothing_that_its_gateway_has_heard_of_and_the_stream_no_longer_has()
    {
        using var feed = await Feed.BeginAsync(_gateway.Client, Babble.Config(Yard.Id));
        using var call = _gateway.Client.Subscribe(Selecting("one"), deadline: TestGrid.Deadline);
        await feed.SendBabbleAsync(0, Yard.Half);
        await feed.AppliedAsync(Yard.Half);
        var received = new List<Tags>();
        var dropped = 0L;
        await ReadAsync(() => received.Count < feed.Tags.Count);

        // The silo was lost before the chunks between: the stream that began again has none of them yet.
        var observers = _gateway.Host.Services.GetRequiredService<StreamObservers>();
        var observer = observers.Add(new Contracts.StreamId("default", Yard.Id), new SubscriberQueue(1));
        var later = (await Yard.Grain(_gateway).GetTags(0, 1)).Value!.Tags[0] with { Index = feed.Tags.Count + 3 };
        await observer.OnTags([later]);
        await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
        await feed.FinishAsync();
        await ReadAsync(() => true);
        Assert.Equal(0, dropped);
        await BareSession.AssertEqualAsync(received);

        async Task ReadAsync(Func<bool> more)
        {
            while (more() && await call.ResponseStream.MoveNext(CancellationToken.None))
            {
                dropped += call.ResponseStream.Current.Dropped?.Chunks ?? 0;
                if (call.ResponseStream.Current.Tags is { } tags)
                {
                    received.Add(tags);
                }
            }
        }
    }

    [Fact]
    public async Task Kept_events_are_there_once_at_their_times_and_use_counts_once()
    {
        using var feed = await Feed.BeginAsync(_gateway.Client, WithEvents(Babble.Config(Yard.Id)));
        await feed.SendBabbleAsync(0, Yard.Half);
        await feed.AppliedAsync(Yard.Half);
        await TestGrid.UntilAsync(async () => (await KeptAsync()).Count > 0, () => Task.Delay(20));

        await LoseSiloAsync();
        await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
        await feed.FinishAsync();
        var closed = feed.Events.Where(sound => sound.Kind == EventKind.Closed).ToDictionary(sound => sound.Id);
        await TestGrid.UntilAsync(async () => (await KeptAsync()).Count >= closed.Count, () => Task.Delay(20));

        var kept = await KeptAsync();
        Assert.Equal(closed.Keys.Order(StringComparer.Ordinal), kept.Select(sound => sound.Event.Id).Order(StringComparer.Ordinal));
        var begun = feed.Ready.Begun.ToDateTimeOffset();
        Assert.All(kept, sound => Assert.Equal(
            closed[sound.Event.Id].OnsetSeconds, (sound.Onset.ToDateTimeOffset() - begun).TotalSeconds, 1e-5));
        var usage = Assert.Single((await _gateway.Client.GetUsageAsync(new GetUsageRequest())).Models);
        Assert.Equal((1, (double)Babble.Samples / Babble.SampleRateHz), (usage.Streams, usage.AudioSeconds));
    }

    [Fact]
    public async Task A_client_that_comes_back_says_when_its_stream_began()
    {
        Timestamp begun;
        using (var feed = await Feed.BeginAsync(_gateway.Client, Babble.Config(Yard.Id)))
        {
            await feed.SendBabbleAsync(0, Yard.Half);
            await feed.AppliedAsync(Yard.Half);
            begun = feed.Ready.Begun;
        }
        await LoseSiloAsync();

        var config = Babble.Config(Yard.Id);
        config.Begun = begun;
        using var again = await Feed.BeginAsync(_gateway.Client, config);
        Assert.Equal((0, begun), (again.Ready.NextSample, again.Ready.Begun));
        var listed = Assert.Single((await _gateway.Client.ListStreamsAsync(new ListStreamsRequest())).Streams);
        Assert.Equal(begun, listed.Begun);
    }

    [Fact]
    public async Task A_stream_cannot_have_begun_in_the_future()
    {
        var config = Babble.Config(Yard.Id);
        config.Begun = Timestamp.FromDateTimeOffset(DateTimeOffset.UtcNow.AddHours(1));
        await TestGrid.RefusesAsync(
            Grpc.Core.StatusCode.InvalidArgument, "begun is", () => Feed.BeginAsync(_gateway.Client, config));
    }

    /// <summary>Nothing that the silo holds reaches the store or another silo.</summary>
    private async Task LoseSiloAsync()
    {
        _store.TakeAway();
        await _silo.DisposeAsync();
        _store.BringBack();
        _silo = await _gateway.StartSiloAsync(_store.Settings());
    }

    private async Task<IReadOnlyList<KeptEvent>> KeptAsync() =>
        (await _gateway.Client.ListEventsAsync(new ListEventsRequest { PageSize = 1_000 })).Events;

    private static SubscribeRequest Selecting(string kind)
    {
        var request = new SubscribeRequest { FromChunk = 0, Filter = new TagFilter { Top = 0, Dense = true } };
        switch (kind)
        {
            case "one":
                request.StreamId = Yard.Id;
                break;
            case "list":
                request.StreamIds.Add(Yard.Id);
                break;
            case "prefix":
                request.Prefix = Yard.Id[..2];
                break;
            default:
                request.AllStreams = true;
                break;
        }
        return request;
    }

    private static StreamConfig WithEvents(StreamConfig config)
    {
        var none = Duration.FromTimeSpan(TimeSpan.Zero);
        config.Events = new EventRule { On = 0.5f, MinDuration = none, MergeGap = none };
        return config;
    }
}
