using Orleans.Storage;

namespace Dass.Grid.Grains.Storage;

/// <summary>The store, with what becomes of each read and write reported. A conflict is an answer.</summary>
internal sealed class WatchedGrainStorage(IGrainStorage storage, StoreHealth health) : IGrainStorage
{
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        Report(() => storage.ReadStateAsync(stateName, grainId, grainState));

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        Report(() => storage.WriteStateAsync(stateName, grainId, grainState));

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        Report(() => storage.ClearStateAsync(stateName, grainId, grainState));

    private async Task Report(Func<Task> work)
    {
        try
        {
            await work().ConfigureAwait(false);
            health.OnReached();
        }
        catch (Exception failure)
        {
            if (failure is InconsistentStateException)
            {
                health.OnReached();
            }
            else
            {
                health.OnFailed(failure);
            }
            throw;
        }
    }
}
