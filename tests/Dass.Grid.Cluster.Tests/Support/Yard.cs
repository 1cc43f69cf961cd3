using Dass.Grid.Contracts;
using Orleans.Core.Internal;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>The stream that most tests feed, of the default tenant, and the places in the recording at which they stop.</summary>
internal static class Yard
{
    public const string Id = "yard";
    public const int Half = 120_000; // samples, as all places
    public const int Quarter = Half / 2;

    public static IStreamGrain Grain(TestGrid grid) => Grain(grid, Id);

    public static IStreamGrain Grain(TestGrid grid, string id) =>
        grid.Host.Grains.GetGrain<IStreamGrain>(new Contracts.StreamId("default", id).ToString());

    /// <summary>Has a checkpoint written now.</summary>
    /// <returns>The sample up to which the stream is durable.</returns>
    public static async Task<long> CheckpointAsync(TestGrid grid, long attachment = 1) =>
        (await Grain(grid).Checkpoint(attachment)).Value!.Sample;

    public static Task MoveAsync(IStreamGrain stream) => AskAsync(async () =>
    {
        await stream.Cast<IGrainManagementExtension>().MigrateOnIdle();
        return true;
    });

    /// <summary>Asks a stream that may be on its way to another silo until it answers: a call that meets it there is sent back.</summary>
    public static async Task<T> AskAsync<T>(Func<Task<T>> call)
    {
        for (var deadline = TestGrid.Deadline; ;)
        {
            try
            {
                return await call();
            }
            catch (OrleansMessageRejectionException) when (DateTime.UtcNow < deadline)
            {
                await Task.Yield();
            }
        }
    }
}
