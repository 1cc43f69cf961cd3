using System.Net;
using Dass.Grid.Cluster.Tests.Support;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>The directory of the file store: whose it is, who may read it, and what a grid reports when it is gone.</summary>
public sealed class StoreHealthTests : IDisposable
{
    private const UnixFileMode Owners = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly StoreFolder _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task A_directory_that_is_deleted_is_made_again_and_no_other_user_reads_it()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings(("Grid:Streams:CheckpointInterval", "00:00:01")));
        Directory.Delete(_store.Place, recursive: true);
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config("after"));
        await feed.SendBabbleAsync(0, Babble.Samples);
        await feed.FinishAsync();
        Assert.Equal(1, _store.Records);
        AssertOwnersOnly();
    }

    [Fact]
    public async Task A_grid_is_not_ready_while_its_store_is_away_for_longer_than_a_checkpoints_interval()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings(("Grid:Streams:CheckpointInterval", "00:00:00.5")));
        await grid.ReadyAsync();
        using var operations = new HttpClient { BaseAddress = grid.Host.OperationsAddress };
        _store.TakeAway();
        await TestGrid.UntilAsync(
            async () => (await operations.GetAsync("/healthz/ready")).StatusCode == HttpStatusCode.ServiceUnavailable,
            () => Task.Delay(50));
        _store.BringBack();
        await grid.ReadyAsync();
        AssertOwnersOnly();
    }

    [Fact]
    public async Task Two_grids_of_different_names_do_not_share_a_directory()
    {
        await using (await TestGrid.StartAsync(_store.Settings(("Grid:Name", "first"))))
        {
            var refusal = await Assert.ThrowsAsync<OptionsValidationException>(
                () => TestGrid.StartAsync(_store.Settings(("Grid:Name", "second"))));
            Assert.Contains("belong to the grid 'first', and Grid:Name is 'second'", refusal.Message, StringComparison.Ordinal);
        }
        await using var again = await TestGrid.StartAsync(_store.Settings(("Grid:Name", "first")));
        await again.ReadyAsync();
    }

    private void AssertOwnersOnly()
    {
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(Owners | UnixFileMode.UserExecute, File.GetUnixFileMode(_store.Place));
            foreach (var file in Directory.GetFiles(_store.Place))
            {
                Assert.Equal((file, Owners), (file, File.GetUnixFileMode(file)));
            }
        }
    }
}
