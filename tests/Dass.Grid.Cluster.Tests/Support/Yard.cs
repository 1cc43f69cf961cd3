using Dass.Grid.Contracts;
using Dass.Grid.Grains.Placement;
using Dass.Grid.Grains.Streams;
using Dass.Grid.Host;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Core.Internal;
using Orleans.Runtime.Placement;

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

    /// <summary>Has a stream move to a silo. It is on its way when this returns.</summary>
    public static Task MoveAsync(IStreamGrain stream, EmbeddedGrid to) => AskAsync(async () =>
    {
        RequestContext.Set(IPlacementDirector.PlacementHintKey, to.Services.GetRequiredService<ILocalSiloDetails>().SiloAddress);
        await stream.Cast<IGrainManagementExtension>().MigrateOnIdle();
        return true;
    });

    /// <summary>Streams that hold a slot of a silo.</summary>
    public static int StreamsOf(EmbeddedGrid silo) => silo.Services.GetRequiredService<LocalStreams>().Count;

    /// <summary>Streams that any silo has in its memory, in a slot or not.</summary>
    public static async Task<int> ActivationsAsync(TestGrid grid) =>
        (await grid.Host.Grains.GetGrain<IManagementGrain>(0).GetSimpleGrainStatistics())
            .Where(type => type.GrainType.Contains(nameof(StreamGrain)))
            .Sum(type => type.ActivationCount);

    /// <summary>Waits until a gateway knows what its silos carry: until then it places all streams on those that it knows.</summary>
    public static Task KnowsAsync(TestGrid gateway, int silos)
    {
        var map = gateway.Host.Services.GetRequiredService<LoadMap>();
        return TestGrid.UntilAsync(() => map.Known.Count == silos);
    }

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
