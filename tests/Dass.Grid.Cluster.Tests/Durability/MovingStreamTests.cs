using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Contracts;
using Dass.Grid.Host;
using Dass.Grid.V1;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>A gateway and two silos in this process.</summary>
public sealed class MovingStreamTests : IAsyncLifetime
{
    private readonly StoreFolder _store = new();
    private readonly List<EmbeddedGrid> _silos = [];
    private TestGrid _gateway = null!;

    public async Task InitializeAsync()
    {
        _gateway = await TestGrid.StartAsync(new() { ["Grid:Role"] = "gateway" });
        _silos.Add(await _gateway.StartSiloAsync(_store.Settings()));
        _silos.Add(await _gateway.StartSiloAsync(_store.Settings()));
        await Yard.KnowsAsync(_gateway, silos: 2);
    }

    public async Task DisposeAsync()
    {
        foreach (var silo in _silos)
        {
            await silo.DisposeAsync();
        }
        await _gateway.DisposeAsync();
        _store.Dispose();
    }

    [Fact]
    public async Task Streams_of_a_silo_that_stops_go_on_elsewhere_and_no_client_notices()
    {
        var feeds = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Feed.BeginAsync(_gateway.Client, Babble.Config($"stream-{i}"))));
        using var watch = _gateway.Client.Subscribe(
            new SubscribeRequest { StreamId = "stream-0", Filter = new TagFilter { Dense = true } }, deadline: TestGrid.Deadline);
        Assert.True(await watch.ResponseStream.MoveNext(CancellationToken.None));
        await Task.WhenAll(feeds.Select(feed => feed.SendBabbleAsync(0, Yard.Half)));
        await Task.WhenAll(feeds.Select(feed => feed.AppliedAsync(Yard.Half)));

        var sending = feeds.Select(feed => feed.SendBabbleAsync(Yard.Half, Babble.Samples)).ToArray();
        var stopping = _silos.MaxBy(Yard.StreamsOf)!;
        Assert.True(Yard.StreamsOf(stopping) > 0);
        await stopping.DisposeAsync();
        _silos.Remove(stopping);
        await Task.WhenAll(sending);

        foreach (var feed in feeds)
        {
            await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
            Assert.Empty(feed.Gaps);
            feed.Dispose();
        }
        var seen = new List<Tags>();
        while (await watch.ResponseStream.MoveNext(CancellationToken.None) && watch.ResponseStream.Current.Tags is { } tags)
        {
            seen.Add(tags);
        }
        await BareSession.AssertEqualAsync(seen);
    }

    [Fact]
    public async Task A_stream_that_has_moved_tells_how_it_fares_as_soon_as_audio_comes()
    {
        using (var feed = await Feed.BeginAsync(_gateway.Client, Babble.Config("faring")))
        {
            await feed.SendBabbleAsync(0, Yard.Half);
            await feed.AppliedAsync(Yard.Half);
            var to = _silos.Single(silo => Yard.StreamsOf(silo) == 0);
            await Yard.MoveAsync(Yard.Grain(_gateway, "faring"), to);
            await TestGrid.UntilAsync(() => Yard.StreamsOf(to) == 1);
            await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
            await feed.AppliedAsync(Babble.Samples);
            var health = (await _gateway.Client.GetStreamAsync(new GetStreamRequest { StreamId = "faring" })).Entry.Health;
            Assert.True(health.Attached);
            Assert.NotNull(health.LastAudio);
        }
        await TestGrid.UntilAsync(
            async () => !(await _gateway.Client.GetStreamAsync(new GetStreamRequest { StreamId = "faring" })).Entry.Health.Attached,
            () => Task.Delay(10));
    }

    [Fact]
    public async Task A_stream_moves_while_its_pushes_wait()
    {
        using var feed = await Feed.BeginAsync(_gateway.Client, Babble.Config("moved"));
        var stream = Yard.Grain(_gateway, "moved");
        var (from, to) = (_silos.Single(silo => Yard.StreamsOf(silo) == 1), _silos.Single(silo => Yard.StreamsOf(silo) == 0));
        for (var at = 0; at < Babble.Samples; at += Yard.Half / 3)
        {
            var sending = feed.SendBabbleAsync(at, Math.Min(at + Yard.Half / 3, Babble.Samples));
            await Yard.MoveAsync(stream, to);
            await sending;
            await TestGrid.UntilAsync(() => (Yard.StreamsOf(from), Yard.StreamsOf(to)) == (0, 1));
            (from, to) = (to, from);
        }
        await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
        Assert.Empty(feed.Gaps);
    }

    [Fact]
    public async Task Grains_that_need_the_store_do_not_stand_on_a_gateway()
    {
        var grains = _gateway.Host.Grains;
        for (var i = 0; i < 16; i++) // silos are chosen at random
        {
            await grains.GetGrain<IEventIndexGrain>($"tenant-{i}").Find(0, 1, 1);
            await grains.GetGrain<IEventLogGrain>($"tenant-{i}/0").Read(
                new EventQuery(null, null, null, DateTimeOffset.MinValue, DateTimeOffset.MaxValue, 0));
            await grains.GetGrain<IUsageGrain>($"tenant-{i}").Get();
            await grains.GetGrain<ITenantGrain>($"tenant-{i}").List("", 1);
        }
        await grains.GetGrain<ITenantIndexGrain>(0).Wake();
        await grains.GetGrain<IRegistryGrain>(0).Get(known: -1);
    }
}
