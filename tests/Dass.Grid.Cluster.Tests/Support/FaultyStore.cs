using System.Collections.Concurrent;
using Dass.Grid.Grains.Checkpoints;
using Dass.Grid.Grains.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Storage;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>How the next write of a checkpoint goes wrong.</summary>
internal enum StoreFault
{
    /// <summary>Nothing is written.</summary>
    Fails,

    /// <summary>It is written, and the writer does not learn that.</summary>
    LosesAnswer,

    /// <summary>The store says that another silo has written.</summary>
    Conflicts,
}

/// <summary>Stands between grids and their store, and injects the faults that a test has planned.</summary>
internal sealed class FaultyStore
{
    private const string Streams = "stream";

    private readonly ConcurrentQueue<object> _faults = new();
    private readonly ConcurrentDictionary<string, int> _writes = new();
    private int _reads;

    /// <summary>Nothing can be read or written.</summary>
    public volatile bool IsAway;

    /// <summary>Which records, by state name and grain, cannot be written.</summary>
    public Func<string, GrainId, bool> Refuses { get; set; } = (_, _) => false;

    /// <summary>Records of any kind that have been written.</summary>
    public int Writes(string stateName) => _writes.GetValueOrDefault(stateName);

    /// <summary>How often a stream's checkpoint has been asked for, in vain or not.</summary>
    public int Reads => _reads;

    /// <summary>The last checkpoint that is in the store.</summary>
    public Checkpoint? Last { get; private set; }

    /// <summary>Writes of checkpoints go wrong in this order; those after are well.</summary>
    public void Next(params StoreFault[] faults) => Array.ForEach(faults, fault => _faults.Enqueue(fault));

    /// <summary>The next write of a checkpoint waits before it is done.</summary>
    public Held HoldNext()
    {
        var held = new Held();
        _faults.Enqueue(held);
        return held;
    }

    /// <summary>Puts this before the store, of any kind, of a grid that is about to start.</summary>
    public void Wrap(WebApplicationBuilder builder) => builder.Host.UseServiceProviderFactory(new Factory(this));

    public sealed class Held
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Reached => _reached.Task.WaitAsync(TestGrid.Patience);

        public void Release() => _released.SetResult();

        public Task WaitAsync()
        {
            _reached.SetResult();
            return _released.Task;
        }
    }

    private sealed class Storage(FaultyStore plan, IGrainStorage inner) : IGrainStorage
    {
        public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
        {
            if (stateName == Streams)
            {
                Interlocked.Increment(ref plan._reads);
            }
            RequireHere();
            return inner.ReadStateAsync(stateName, grainId, grainState);
        }

        public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
        {
            RequireHere();
            if (plan.Refuses(stateName, grainId))
            {
                throw new InconsistentStateException("The test lets this record never be written.", "", "");
            }
            var fault = stateName == Streams && plan._faults.TryDequeue(out var planned) ? planned : null;
            switch (fault)
            {
                case Held held:
                    await held.WaitAsync();
                    break;
                case StoreFault.Fails:
                    throw new IOException("The test lets this write fail.");
                case StoreFault.Conflicts:
                    await WriteAsNextOwnerAsync(stateName, grainId);
                    break;
                case StoreFault.LosesAnswer:
                    grainState = new GrainState<T>(grainState.State, grainState.ETag) { RecordExists = grainState.RecordExists };
                    break;
            }
            await inner.WriteStateAsync(stateName, grainId, grainState);
            if (stateName == Streams)
            {
                plan.Last = Checkpoint.Read(((StoredBytes)(object)grainState.State!).Bytes.Span);
            }
            plan._writes.AddOrUpdate(stateName, 1, (_, count) => count + 1);
            if (fault is StoreFault.LosesAnswer)
            {
                throw new TimeoutException("The test loses the answer of this write.");
            }
        }

        private async Task WriteAsNextOwnerAsync(string stateName, GrainId grainId)
        {
            var record = new GrainState<StoredBytes>(new StoredBytes());
            await inner.ReadStateAsync(stateName, grainId, record);
            record.State = new StoredBytes { Bytes = CheckpointBytes.OfNextOwner(record.State!.Bytes.Span) };
            await inner.WriteStateAsync(stateName, grainId, record);
        }

        public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
        {
            RequireHere();
            return inner.ClearStateAsync(stateName, grainId, grainState);
        }

        private void RequireHere()
        {
            if (plan.IsAway)
            {
                throw new IOException("The test's store is away.");
            }
        }
    }

    private sealed class Factory(FaultyStore plan) : IServiceProviderFactory<IServiceCollection>
    {
        private readonly DefaultServiceProviderFactory _inner = new();

        public IServiceCollection CreateBuilder(IServiceCollection services)
        {
            var store = services.LastOrDefault(
                service => service.ServiceType == typeof(IGrainStorage) && Equals(service.ServiceKey, GridStorage.Provider));
            if (store is not null)
            {
                services.AddKeyedSingleton<IGrainStorage>(GridStorage.Provider, (provider, key) => new Storage(
                    plan, (IGrainStorage)(store.KeyedImplementationInstance ?? store.KeyedImplementationFactory!(provider, key))));
            }
            return _inner.CreateBuilder(services);
        }

        public IServiceProvider CreateServiceProvider(IServiceCollection containerBuilder) =>
            _inner.CreateServiceProvider(containerBuilder);
    }
}
