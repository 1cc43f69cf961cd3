using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>
/// A file store that the build of November 2026 wrote: stream `ended` was fed the whole recording and finished, `asleep` hibernated after
/// its first half, `live` was killed with its grid after a checkpoint of its first half. Tenant `zoo` is in the register.
/// </summary>
public sealed class EarlierStoreTests : IDisposable
{

    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "fixtures", "store-2026-11");
    private static readonly DateTimeOffset Captured = new(2026, 3, 1, 12, 4, 55, TimeSpan.Zero);

    private readonly StoreFolder _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task Streams_go_on_and_ended_ones_still_say_their_end()
    {
        await using var grid = await StartAsync();
        using var whole = await Feed.BeginAsync(grid.Client, Config("whole"));
        await whole.SendBabbleAsync(0, Babble.Samples);
        var summary = await whole.FinishAsync();

        foreach (var id in new[] { "live", "asleep" })
        {
            var config = Config(id);
            config.FromChunk = 0;
            using var feed = await Feed.BeginAsync(grid.Client, config);
            Assert.Equal(Yard.Half, feed.Ready.NextSample);
            await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
            await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
            Assert.Empty(feed.Gaps);
            Assert.Equal(whole.Events.Select(sound => (sound.Id, sound.Kind)), feed.Events.Select(sound => (sound.Id, sound.Kind)));
        }

        var ended = await grid.Client.GetStreamAsync(
            new GetStreamRequest { StreamId = "ended", Filter = new TagFilter { Top = 0, Dense = true } });
        Assert.Equal((StreamState.Ended, EndReason.Finished, (long)Babble.Samples), (ended.Entry.State, ended.EndReason, ended.NextSample));
        BareSession.AssertClose(summary.DenseMax, ended.Summary.DenseMax);
    }

    [Fact]
    public async Task The_list_of_streams_events_and_use_are_there()
    {
        await using var grid = await StartAsync();
        var listed = new List<string>();
        await TestGrid.UntilAsync(
            async () =>
            {
                var list = await grid.Client.ListStreamsAsync(new ListStreamsRequest());
                listed = [.. list.Streams.Select(stream => $"{stream.StreamId} {stream.State}")];
                return listed.Count == 3;
            },
            () => Task.Delay(20));
        Assert.Equal(["asleep Live", "ended Ended", "live Live"], listed);

        // The stream `live` was killed before it had reported its use.
        var usage = Assert.Single((await grid.Client.GetUsageAsync(new GetUsageRequest())).Models);
        Assert.Equal(2, usage.Streams);
        Assert.Equal((Babble.Samples + Yard.Half) / (double)Babble.SampleRateHz, usage.AudioSeconds, 1e-9);

        using var whole = await Feed.BeginAsync(grid.Client, Config("whole"));
        await whole.SendBabbleAsync(0, Babble.Samples);
        await whole.FinishAsync();
        var closed = whole.Events.Where(sound => sound.Kind == EventKind.Closed).Select(sound => sound.Id).Order(StringComparer.Ordinal);
        var kept = await grid.Client.ListEventsAsync(new ListEventsRequest
        {
            PageSize = 1_000,
            Selection = new EventSelection
            {
                StreamIds = { "ended" },
                From = Timestamp.FromDateTimeOffset(Captured),
                To = Timestamp.FromDateTimeOffset(Captured.AddMinutes(1)),
            },
        });
        Assert.NotEmpty(kept.Events);
        Assert.Equal(closed, kept.Events.Select(sound => sound.Event.Id).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_register_is_there()
    {
        await using var grid = await StartAsync();
        var tenant = (await grid.Admin.ListTenantsAsync(new ListTenantsRequest())).Tenants.Single(tenant => tenant.Name == "zoo");
        Assert.Equal(7, tenant.Limits.LiveStreams);
        Assert.Single(tenant.Keys);
    }

    private async Task<TestGrid> StartAsync()
    {
        _store.Put(Folder);
        return await TestGrid.StartAsync(_store.Settings(
            ("Grid:Streams:IdleTimeout", "9999.00:00:00"), ("Grid:Streams:EventRetention", "9999.00:00:00")));
    }

    private static StreamConfig Config(string id)
    {
        var config = Babble.Config(id);
        config.CaptureTime = Timestamp.FromDateTimeOffset(Captured);
        config.Events = new EventRule
        {
            On = 0.5f,
            MinDuration = Duration.FromTimeSpan(TimeSpan.Zero),
            MergeGap = Duration.FromTimeSpan(TimeSpan.Zero),
        };
        return config;
    }
}
