using Microsoft.Extensions.Logging;

namespace Dass.Grid.Grains.Streams;

public sealed partial class StreamGrain
{
    private readonly ILogger _logger;

    [LoggerMessage(LogLevel.Information, "Stream {Stream} has begun with model {Model}.")]
    private partial void LogBegun(StreamId stream, string model);

    [LoggerMessage(LogLevel.Information, "Stream {Stream} is fed again, from sample {Sample}.")]
    private partial void LogResumed(StreamId stream, long sample);

    [LoggerMessage(LogLevel.Information, "Stream {Stream} has ended: {Reason}, {Samples} samples, {Chunks} chunks.")]
    private partial void LogEnded(StreamId stream, StreamEndReason reason, long samples, long chunks);

    [LoggerMessage(LogLevel.Information, "Stream {Stream} has had no audio after sample {Sample} for {IdleTimeout}; it ends.")]
    private partial void LogIdle(StreamId stream, long sample, TimeSpan idleTimeout);

    [LoggerMessage(LogLevel.Information, "Stream {Stream} goes on here at sample {Sample}: {How}.")]
    private partial void LogContinued(StreamId stream, long sample, string how);

    [LoggerMessage(LogLevel.Information, "Stream {Stream} has had no audio after sample {Sample} for {HibernateAfter}; it gives its slot back and lies in the store.")]
    private partial void LogHibernated(StreamId stream, long sample, TimeSpan hibernateAfter);

    [LoggerMessage(LogLevel.Warning, "Stream {Stream} begins again without its memory at sample {Sample}: {Reason}")]
    private partial void LogCold(StreamId stream, long sample, string reason);

    [LoggerMessage(LogLevel.Warning, "The checkpoint of stream {Stream} at sample {Sample} was not written; tried again. Audio since sample {Durable} must be sent again if this silo fails now.")]
    private partial void LogNotSaved(StreamId stream, long sample, long durable, Exception failure);

    [LoggerMessage(LogLevel.Warning, "The store could not be reached for stream {Stream}; tried again with its next call.")]
    private partial void LogStoreAway(StreamId stream, Exception failure);

    [LoggerMessage(LogLevel.Warning, "Another silo owns stream {Stream} now; this one lets go of it at sample {Sample}.")]
    private partial void LogFenced(StreamId stream, long sample);

    [LoggerMessage(LogLevel.Warning, "Stream {Stream} could not be carried to another silo; it goes on from its checkpoint.")]
    private partial void LogNotCarried(StreamId stream, Exception failure);

    [LoggerMessage(LogLevel.Error, "The tail of stream {Stream} could not be tagged; it ends without.")]
    private partial void LogTailFailed(StreamId stream, Exception failure);
}
