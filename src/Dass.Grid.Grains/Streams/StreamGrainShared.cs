using Dass.Grid.Grains.Checkpoints;
using Dass.Grid.Grains.Models;
using Dass.Grid.Grains.Placement;
using Dass.Grid.Grains.Records;
using Dass.Grid.Grains.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Storage;

namespace Dass.Grid.Grains.Streams;

/// <summary>What all streams of a silo have in common.</summary>
public sealed partial class StreamGrainShared(
    ModelRegistry models,
    [FromKeyedServices(GridStorage.Name)] IGrainStorage storage,
    LocalStreams local,
    LoadMap silos,
    IGrainFactory grains,
    IOptions<StreamGrainOptions> options,
    IOptions<CheckpointOptions> checkpoints,
    IOptions<RecordOptions> records,
    GrainsInstruments instruments,
    TimeProvider time,
    SteadyTime steady,
    ILogger<StreamGrain> logger)
{
    public ModelRegistry Models => models;

    public IGrainStorage Storage => storage;

    public LocalStreams Local => local;

    public IGrainFactory Grains => grains;

    public StreamGrainOptions Options { get; } = options.Value;

    public CheckpointOptions Checkpoints { get; } = checkpoints.Value;

    public RecordOptions Records { get; } = records.Value;

    public GrainsInstruments Instruments => instruments;

    /// <summary>For times of day.</summary>
    public TimeProvider Time => time;

    /// <summary>For all that waits, or has its time.</summary>
    public SteadyTime Steady => steady;

    /// <summary>Whether a model is another silo's, and not this one's.</summary>
    public bool IsServedElsewhere(string model) =>
        models.Find(model, out _) is { Code: RefusalCode.UnknownModel }
        && silos.Known.Any(known => !known.Load.Draining && known.Load.Models?.Contains(model) == true);

    /// <summary>Of one stream. The store may be a checkpoint's longest interval, and another attempt, behind the audio.</summary>
    internal SourceLoss NewLoss() => new(time, Checkpoints.CheckpointInterval * 4 / 3 + Checkpoints.CheckpointRetry);
}
