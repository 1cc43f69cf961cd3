using Orleans.Concurrency;

namespace Dass.Grid.Contracts;

/// <summary>
/// Owner of one stream's recurrent state. Key: <see cref="StreamId"/>. It survives its silo through checkpoints in the store.
/// </summary>
/// <remarks>
/// Calls that move the stream run one at a time in the order of their arrival, so awaiting each is back-pressure enough. Status calls
/// interleave: they never wait for a step.
/// </remarks>
[Alias("dass.IStreamGrain")]
public interface IStreamGrain : IGrainWithStringKey
{
    /// <summary>Begins the stream, or comes back to it; an earlier feeder is refused from now on.</summary>
    [Alias("Attach")]
    Task<Outcome<Attachment>> Attach(StreamSpec spec, Feeder feeder, CancellationToken cancellationToken = default);

    /// <summary>Takes in audio. What the stream already has is skipped, so a repeated push is harmless.</summary>
    [Alias("Push")]
    Task<Outcome<Pushed>> Push(long attachment, AudioBlock audio, CancellationToken cancellationToken = default);

    /// <summary>The feeder's call is over; the stream waits for the next one.</summary>
    [Alias("Detach"), AlwaysInterleave, OneWay]
    Task Detach(long attachment);

    /// <summary>
    /// Writes the state to the store now. Answers with what is durable, which is less than asked for when the store is away.
    /// </summary>
    [Alias("Checkpoint")]
    Task<Outcome<Durable>> Checkpoint(long attachment, CancellationToken cancellationToken = default);

    /// <summary>Ends the stream for the one who feeds it: tags the tail.</summary>
    [Alias("Finish")]
    Task<Outcome<Finished>> Finish(long attachment, CancellationToken cancellationToken = default);

    /// <summary>Ends the stream for any client of its tenant; an ended stream answers with its end again.</summary>
    [Alias("Close")]
    Task<Outcome<Finished>> Close(CancellationToken cancellationToken = default);

    /// <summary>
    /// For the tenant's list, which has not heard of the stream for some time: loads it from the store. A stream that only waits there for
    /// audio goes back to sleep at once; one that has waited for longer than the idle timeout ends.
    /// </summary>
    [Alias("Touch")]
    Task<Outcome<StreamRest>> Touch();

    [Alias("GetStatus"), AlwaysInterleave]
    Task<Outcome<StreamStatus>> GetStatus();

    /// <summary>
    /// Up to <paramref name="count"/> kept tags from chunk <paramref name="fromChunk"/> on; older ones that are gone are left out.
    /// </summary>
    [Alias("GetTags"), AlwaysInterleave]
    Task<Outcome<TagPage>> GetTags(long fromChunk, int count);

    /// <summary>Leases the observer's place for the grid's observer lease; called again, renews it.</summary>
    [Alias("Subscribe"), AlwaysInterleave]
    Task<Outcome<StreamStatus>> Subscribe(ITagObserver observer);

    [Alias("Unsubscribe"), AlwaysInterleave]
    Task Unsubscribe(ITagObserver observer);
}

/// <summary>One gateway that observes one stream. A message may be lost or overtaken; the chunk index shows it.</summary>
[Alias("dass.ITagObserver")]
public interface ITagObserver : IGrainObserver
{
    [Alias("OnTags"), OneWay]
    Task OnTags(ChunkTags[] tags);

    [Alias("OnGap"), OneWay]
    Task OnGap(StreamGap gap);

    [Alias("OnModel"), OneWay]
    Task OnModel(ModelChange change);

    /// <summary>The stream gets no audio: an event that no chunk brings. Its end comes with the next chunk, or with the stream's.</summary>
    [Alias("OnLost"), OneWay]
    Task OnLost(SoundEvent opened, long nextChunk);

    [Alias("OnEnded"), OneWay]
    Task OnEnded(StreamEnd end);
}
