using Dass.Grid.Engine;
using Dass.Grid.Engine.Model;
using Dass.Grid.Grains.Models;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>A silo's device that computes as the processor does, until a test makes it slow, takes its memory, or takes it away.</summary>
internal sealed class FakeDevice
{
    public const string Name = "fake device";
    public const string Loss = "it has fallen off the bus.";

    private volatile bool _lost;

    /// <summary>Time that a batch takes besides, for each of its streams.</summary>
    public TimeSpan PerStream { get; set; }

    /// <summary>Its memory holds batches up to this.</summary>
    public int LargestBatch { get; set; } = int.MaxValue;

    /// <summary>Batches that its memory did not hold.</summary>
    public int Refused { get; private set; }

    /// <summary>From now on it answers no more.</summary>
    public void Lose() => _lost = true;

    /// <summary>The silo's models run on it.</summary>
    public void AddTo(WebApplicationBuilder silo) => silo.Services.PostConfigure<ModelRegistryOptions>(options =>
    {
        foreach (var model in options.Models.Values)
        {
            model.WrapStepModel = processor => new StepModel(processor, this);
        }
    });

    private sealed class StepModel(IStepModel processor, FakeDevice device) : IStepModel
    {
        public DassModel Model => processor.Model;

        public StateLayout StateLayout => processor.StateLayout;

        public DeviceInfo DeviceInfo { get; } = new(Name, 1L << 33);

        public void Step(ReadOnlySpan<StepRequest> batch)
        {
            if (device._lost)
            {
                throw new DeviceLostException(Loss);
            }
            if (batch.Length > device.LargestBatch)
            {
                device.Refused++;
                throw new DeviceMemoryException("no memory is left for the batch.");
            }
            if (device.PerStream > TimeSpan.Zero)
            {
                Thread.Sleep(device.PerStream * batch.Length); // on a thread of the engine, which waits for its device
            }
            processor.Step(batch);
        }

        public void Dispose() => processor.Dispose();
    }
}
