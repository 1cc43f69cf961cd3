using Dass.Grid.Grains.Models;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Grains.Streams;

/// <summary>What all streams of a silo have in common.</summary>
public sealed class StreamGrainShared(
    ModelRegistry models, IOptions<StreamGrainOptions> options, GrainsInstruments instruments, TimeProvider time, ILogger<StreamGrain> logger)
{
    public ModelRegistry Models => models;

    public StreamGrainOptions Options { get; } = options.Value;

    public GrainsInstruments Instruments => instruments;

    public TimeProvider Time => time;

    public ILogger Logger => logger;
}
