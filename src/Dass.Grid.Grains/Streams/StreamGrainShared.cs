using Dass.Grid.Grains.Models;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Runtime.Placement;
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
    IGrainFactory grains,
    ILocalSiloDetails self,
    ILogger<StreamGrain> logger)
{
    /// <summary>Name of the grain storage that keeps streams. Its serializer is <see cref="Checkpoints.CheckpointSerializer"/>.</summary>
    public const string Store = "dass-streams";

    public ModelRegistry Models => models;

    public IGrainStorage Storage => storage;

    public LocalStreams Local => local;

    public StreamGrainOptions Options { get; } = options.Value;

    public GrainsInstruments Instruments => instruments;

    public TimeProvider Time => time;

    public ILogger Logger => logger;

    /// <summary>
    /// Activates an ended stream on this silo once more, with the end that its last activation could give nobody; if that is not to be, says so.
    /// </summary>
    internal async Task TakeUpAgainAsync(GrainId grain, StreamId stream, StreamLuggage luggage, DeactivationReasonCode reason)
    {
        const int MaxTries = 10;
        Local.LeaveBehind(grain, luggage);
        RequestContext.Set(IPlacementDirector.PlacementHintKey, self.SiloAddress);
        for (var tries = 0; tries < MaxTries && reason == DeactivationReasonCode.DirectoryFailure; tries++) // another silo has gone, not this one
        {
            try
            {
                await grains.GetGrain<IStreamGrain>(stream.ToString()).Touch().ConfigureAwait(false);
                break;
            }
            catch (Exception)
            {
                await Task.Delay(Options.CheckpointRetry, Time).ConfigureAwait(false);
            }
        }
        if (Local.TakeUp(grain) is not null)
        {
            Logger.EndLost(stream);
        }
    }
}
