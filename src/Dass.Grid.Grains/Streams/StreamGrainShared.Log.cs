using Microsoft.Extensions.Logging;

namespace Dass.Grid.Grains.Streams;

/// <summary>What the streams of a silo log.</summary>
public sealed partial class StreamGrainShared
{
    [LoggerMessage(LogLevel.Information, "Stream {Stream} has begun with model {Model}.")]
    internal partial void LogBegun(StreamId stream, string model);

    [LoggerMessage(LogLevel.Information, "Stream {Stream} is fed again, from sample {Sample}.")]
    internal partial void LogResumed(StreamId stream, long sample);

    [LoggerMessage(LogLevel.Information, "Stream {Stream} has ended: {Reason}, {Samples} samples, {Chunks} chunks.")]
    internal partial void LogEnded(StreamId stream, StreamEndReason reason, long samples, long chunks);

    [LoggerMessage(LogLevel.Information, "Stream {Stream} has had no audio after sample {Sample} for {IdleTimeout}; it ends.")]
    internal partial void LogIdle(StreamId stream, long sample, TimeSpan idleTimeout);

    [LoggerMessage(LogLevel.Information, "Stream {Stream} has audio before sample {Sample} that could not be tagged yet; tried again.")]
    internal partial void LogNotResumed(StreamId stream, long sample, Exception failure);

    [LoggerMessage(LogLevel.Information, "Stream {Stream} has had no audio for {Seconds:F0} s: source.lost.")]
    internal partial void LogLost(StreamId stream, double seconds);

    [LoggerMessage(LogLevel.Information, "Stream {Stream} goes on here at sample {Sample}: {How}.")]
    internal partial void LogContinued(StreamId stream, long sample, string how);

    [LoggerMessage(LogLevel.Information, "Stream {Stream} goes on with model {Model} instead of {Before} from chunk {Chunk} on.")]
    internal partial void LogSwitched(StreamId stream, string before, string model, long chunk);

    [LoggerMessage(
        LogLevel.Information,
        "Stream {Stream} has had less than a chunk of audio up to sample {Sample} in {HibernateAfter}; it gives its slot back and lies "
        + "in the store.")]
    internal partial void LogHibernated(StreamId stream, long sample, TimeSpan hibernateAfter);

    [LoggerMessage(LogLevel.Warning, "Stream {Stream} begins again without its memory at sample {Sample}: {Reason}")]
    internal partial void LogGap(StreamId stream, long sample, string reason);

    [LoggerMessage(
        LogLevel.Warning,
        "The checkpoint of stream {Stream} at sample {Sample} was not written; tried again. Audio since sample {Durable} must be sent "
        + "again if this silo fails now.")]
    internal partial void LogNotSaved(StreamId stream, long sample, long durable, Exception failure);

    [LoggerMessage(LogLevel.Warning, "The store could not be reached for stream {Stream}; tried again with its next call.")]
    internal partial void LogStoreAway(StreamId stream, Exception failure);

    [LoggerMessage(LogLevel.Warning, "Another silo owns stream {Stream} now; this one lets go of it at sample {Sample}.")]
    internal partial void LogFenced(StreamId stream, long sample);

    [LoggerMessage(LogLevel.Warning, "Stream {Stream} could not be carried to another silo; it goes on from its checkpoint.")]
    internal partial void LogNotCarried(StreamId stream, Exception failure);

    [LoggerMessage(
        LogLevel.Error,
        "The end of stream {Stream} reached neither the store nor another silo: the stream goes on from its checkpoint, and ends again "
        + "when its idle time is over.")]
    internal partial void LogEndLost(StreamId stream);

    [LoggerMessage(
        Message =
            "Use and {Owed} events of stream {Stream} could not be added to the tenant's usage records and event logs; tried again soon.")]
    internal partial void LogNotDelivered(LogLevel level, StreamId stream, int owed, Exception failure);

    [LoggerMessage(LogLevel.Error, "Event {Event} of stream {Stream} is lost: {Limit} wait for the tenant's event logs already.")]
    internal partial void LogEventLost(StreamId stream, string @event, int limit);

    [LoggerMessage(LogLevel.Error, "The tail of stream {Stream} could not be tagged; it ends without.")]
    internal partial void LogTailFailed(StreamId stream, Exception failure);
}
