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
    private const string Id = "yard";
    private const int Half = 120_000;

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
        Assert.Equal((Id, "tiny", StreamState.Live), (listed.StreamId, listed.Model, listed.State));
        await UntilAsync(async () => (await grid.Client.ListStreamsAsync(new ListStreamsRequest())).Streams is [{ State: StreamState.Ended }], TimeSpan.FromSeconds(1));
        Assert.InRange(_time.GetUtcNow() - fed, TimeSpan.FromHours(2), TimeSpan.FromHours(3.5)); // since its last audio, not since it was found
        var info = await grid.Client.GetStreamAsync(new GetStreamRequest { StreamId = Id });
        Assert.Equal((EndReason.Idle, Half), (info.EndReason, info.NextSample));
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
    public async Task An_end_that_nobody_has_forgotten_is_forgotten()
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
            await Task.Delay(5); // it is looked up meanwhile
        }
        var config = Babble.Config(Id);
        config.FromChunk = 0;
        using var feed = await Feed.BeginAsync(grid.Client, config);
        Assert.Equal(Half, feed.Ready.NextSample);
        await feed.SendBabbleAsync(Half, Babble.Samples);
        await Undisturbed.AssertAsync(await feed.FinishAsync(), feed);
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
    public async Task A_roll_is_kept_in_pages_of_which_a_change_writes_one()
    {
        const int Streams = 10_000;
        var directory = Directory.CreateTempSubdirectory("dass-roll-");
        var (storage, grain) = (new FileGrainStorage(directory.FullName), GrainId.Create("tenant", "acme"));
        var roll = new TenantStreamIndex(storage, Streams);
        Assert.Empty(await roll.LoadAsync(grain));
        var begun = _time.GetUtcNow();
        Assert.All(Enumerable.Range(0, Streams), i => Assert.True(roll.TryAdd($"stream-{i}", new TenantStreamEntry("tiny", begun, Ended: false, Due: null))));
        Assert.False(roll.TryAdd("one more", new TenantStreamEntry("tiny", begun, Ended: false, Due: null)));
        await roll.WriteAsync();
        Dictionary<string, byte[]> Records() => directory.GetFiles("*.checkpoint").ToDictionary(file => file.Name, file => File.ReadAllBytes(file.FullName));
        var before = Records();
        Assert.Equal(3, before.Count);

        var changed = new TenantStreamEntry("tiny", begun, Ended: true, Due: begun.AddHours(1));
        Assert.True(roll.TryAdd("stream-9000", changed));
        Assert.True(roll.TryAdd("stream-9000", changed));
        await roll.WriteAsync();
        Assert.False(roll.IsChanged);
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
        using (var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Id)))
        {
            await feed.SendBabbleAsync(0, Half);
            await feed.AppliedAsync(Half);
            await (then?.Invoke(feed) ?? StoredStreamTests.CheckpointAsync(grid));
            await UntilAsync(() => Task.FromResult(_store.Writes("streams-0") > 0 && _store.Writes("tenants") > 0), TimeSpan.FromSeconds(1));
        }
        await _folder.CrashAsync(grid);
    }

    private Task<TestGrid> StartAsync() => TestGrid.StartAsync(
        _folder.Settings(("Grid:Streams:Upkeep", "00:01:00"), ("Grid:Streams:IdleTimeout", "02:00:00"), ("Grid:ShutdownTimeout", "00:00:02")),
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
        return Task.Delay(5); // books and store are written in real time
    });
}
