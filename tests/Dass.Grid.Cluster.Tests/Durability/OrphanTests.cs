using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Grains.Storage;
using Dass.Grid.Grains.Tenants;
using Dass.Grid.V1;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Orleans.TestingHost;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>Streams whose silo is gone and whose clients do not come back.</summary>
public sealed class OrphanTests : IDisposable
{

    private readonly StoreFolder _folder = new();
    private readonly FaultyStore _store = new();
    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task It_is_listed_ends_when_its_idle_time_is_over_and_is_forgotten()
    {
        var fed = _time.GetUtcNow();
        await LeaveAsync();
        _time.Advance(TimeSpan.FromMinutes(115)); // of two hours; without a grid
        await using var grid = await StartAsync();

        var listed = Assert.Single((await grid.Client.ListStreamsAsync(new ListStreamsRequest())).Streams);
        Assert.Equal((Yard.Id, "tiny", StreamState.Live), (listed.StreamId, listed.Model, listed.State));
        await UntilAsync(
            async () => (await grid.Client.ListStreamsAsync(new ListStreamsRequest())).Streams is [{ State: StreamState.Ended }],
            TimeSpan.FromSeconds(1));
        // since its last audio, not since it was found
        Assert.InRange(_time.GetUtcNow() - fed, TimeSpan.FromHours(2), TimeSpan.FromHours(3.5));
        var info = await grid.Client.GetStreamAsync(new GetStreamRequest { StreamId = Yard.Id });
        Assert.Equal((EndReason.Idle, Yard.Half), (info.EndReason, info.NextSample));
        await UntilAsync(() => Task.FromResult(_folder.Records == 0));
        await UntilAsync(async () => (await grid.Client.ListStreamsAsync(new ListStreamsRequest())).Streams.Count == 0);
    }

    [Fact]
    public async Task It_goes_also_when_its_tenant_never_calls_again()
    {
        await LeaveAsync();
        await using var grid = await StartAsync();
        await UntilAsync(() => Task.FromResult(_folder.Records == 0));
    }

    [Fact]
    public async Task An_end_that_no_silo_has_cleared_is_cleared()
    {
        await LeaveAsync(feed => feed.FinishAsync());
        Assert.Equal(1, _folder.Records);
        await using var grid = await StartAsync();
        await UntilAsync(() => Task.FromResult(_folder.Records == 0));
    }

    [Fact]
    public async Task A_client_that_comes_back_late_finds_it_as_it_was()
    {
        await LeaveAsync();
        await using var grid = await StartAsync();
        for (var minute = 0; minute < 30; minute++)
        {
            _time.Advance(TimeSpan.FromMinutes(1));
            await Task.Delay(5); // the tenant looks after it meanwhile: nothing may happen, so there is no signal
        }
        var config = Babble.Config(Yard.Id);
        config.FromChunk = 0;
        using var feed = await Feed.BeginAsync(grid.Client, config);
        Assert.Equal(Yard.Half, feed.Ready.NextSample);
        await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
        await Undisturbed.AssertAsync(await feed.FinishAsync(), feed);
    }

    [Fact]
    public async Task A_client_that_comes_back_and_is_refused_before_the_list_is_read_leaves_it_listed()
    {
        await LeaveAsync();
        _store.IsAway = true;
        await using var grid = await StartAsync();
        var tenant = grid.Host.Grains.GetGrain<Contracts.ITenantGrain>("default");
        Assert.True((await tenant.Admit(Yard.Id, new Contracts.TenantLimits { LiveStreams = 2 })).Value!.IsNew);
        _store.IsAway = false;
        await UntilAsync(async () => (await grid.Client.ListStreamsAsync(new ListStreamsRequest())).Streams.Count == 1);
        await tenant.Withdraw(Yard.Id);
        Assert.Single((await grid.Client.ListStreamsAsync(new ListStreamsRequest())).Streams);
    }

    [Fact]
    public async Task A_stream_that_never_reached_the_store_is_listed_no_longer()
    {
        await LeaveAsync(_ => Task.CompletedTask);
        await using var grid = await StartAsync();
        Assert.Single((await grid.Client.ListStreamsAsync(new ListStreamsRequest())).Streams);
        await UntilAsync(async () => (await grid.Client.ListStreamsAsync(new ListStreamsRequest())).Streams.Count == 0);
    }

    [Fact]
    public async Task The_index_of_streams_is_kept_in_pages_of_which_a_change_writes_one()
    {
        const int Streams = 10_000;
        var directory = Directory.CreateTempSubdirectory("dass-index-");
        var (storage, grain) = (new FileGrainStorage(directory.FullName, "dass-grid"), GrainId.Create("tenant", "acme"));
        var index = new TenantStreamIndex(storage, Streams);
        Assert.Empty(await index.LoadAsync(grain));
        var begun = _time.GetUtcNow();
        Assert.All(
            Enumerable.Range(0, Streams),
            i => Assert.True(index.TryAdd($"stream-{i}", new TenantStreamEntry("tiny", begun, Ended: false, Due: null))));
        Assert.False(index.TryAdd("one more", new TenantStreamEntry("tiny", begun, Ended: false, Due: null)));
        await index.WriteAsync();
        Dictionary<string, byte[]> Records() =>
            directory.GetFiles("*.checkpoint").ToDictionary(file => file.Name, file => File.ReadAllBytes(file.FullName));
        var before = Records();
        Assert.Equal(3, before.Count);

        var changed = new TenantStreamEntry("tiny", begun, Ended: true, Due: begun.AddHours(1));
        Assert.True(index.TryAdd("stream-9000", changed));
        Assert.True(index.TryAdd("stream-9000", changed));
        await index.WriteAsync();
        Assert.False(index.IsChanged);
        Assert.Single(Records(), record => !before[record.Key].AsSpan().SequenceEqual(record.Value));

        var again = new TenantStreamIndex(storage, Streams);
        var loaded = (await again.LoadAsync(grain)).ToDictionary();
        Assert.Equal((Streams, changed), (loaded.Count, loaded["stream-9000"]));
        foreach (var name in loaded.Keys)
        {
            again.Remove(name);
        }
        await again.WriteAsync();
        Assert.Empty(Records());
        directory.Delete(recursive: true);
    }

    /// <summary>A grid dies with a stream that has heard the first half.</summary>
    /// <param name="then">What happens to the stream; null: a checkpoint.</param>
    private async Task LeaveAsync(Func<Feed, Task>? then = null)
    {
        var grid = await StartAsync();
        using (var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id)))
        {
            await feed.SendBabbleAsync(0, Yard.Half);
            await feed.AppliedAsync(Yard.Half);
            await (then?.Invoke(feed) ?? Yard.CheckpointAsync(grid));
            await UntilAsync(
                () => Task.FromResult(_store.Writes("streams-0") > 0 && _store.Writes("tenants") > 0), TimeSpan.FromSeconds(1));
        }
        await _folder.CrashAsync(grid);
    }

    private Task<TestGrid> StartAsync() => TestGrid.StartAsync(
        _folder.Settings(
            ("Grid:Streams:Upkeep", "00:01:00"), ("Grid:Streams:IdleTimeout", "02:00:00"), ("Grid:ShutdownTimeout", "00:00:02")),
        builder =>
        {
            // The grid's clock goes as the test says; that of Orleans' own background work runs.
            builder.Services.AddSingleton<TimeProvider>(_time);
            builder.Services.UseTimeProviderForBackgroundAreas(TimeProvider.System);
            _store.Wrap(builder);
        });

    private Task UntilAsync(Func<Task<bool>> condition, TimeSpan? step = null) => TestGrid.UntilAsync(condition, () =>
    {
        _time.Advance(step ?? TimeSpan.FromSeconds(20));
        return Task.Delay(5); // the list of streams and the store are written in real time
    });
}
