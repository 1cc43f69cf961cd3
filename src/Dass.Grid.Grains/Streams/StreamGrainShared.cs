using Dass.Grid.Grains.Models;
using Dass.Grid.Grains.Placement;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Storage;

namespace Dass.Grid.Grains.Streams;

/// <summary>What all streams of a silo have in common.</summary>
public sealed class StreamGrainShared(
    ModelRegistry models,
    [FromKeyedServices(StreamGrainShared.Store)] IGrainStorage storage,
    LocalStreams local,
    IOptions<StreamGrainOptions> options,
    GrainsInstruments instruments,
    TimeProvider time,
    ILogger<StreamGrain> logger)
{
    /// <summary>Name of the grain storage that keeps streams. Its serializer is <see cref="Storage.BytesSerializer"/>.</summary>
    public const string Store = "dass-streams";

    public ModelRegistry Models => models;

    public IGrainStorage Storage => storage;

    public LocalStreams Local => local;

    public StreamGrainOptions Options { get; } = options.Value;

    public GrainsInstruments Instruments => instruments;

    public TimeProvider Time => time;

    public ILogger Logger => logger;
}
