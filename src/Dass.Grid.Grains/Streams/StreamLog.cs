using Microsoft.Extensions.Logging;

namespace Dass.Grid.Grains.Streams;

/// <summary>What a stream's owner says.</summary>
internal static partial class StreamLog
{
    [LoggerMessage(LogLevel.Information, "Stream {Stream} has begun with model {Model}.")]
    public static partial void Begun(this ILogger logger, StreamId stream, string model);

    [LoggerMessage(LogLevel.Information, "Stream {Stream} is fed again, from sample {Sample}.")]
    public static partial void Resumed(this ILogger logger, StreamId stream, long sample);

    [LoggerMessage(LogLevel.Information, "Stream {Stream} has ended: {Reason}, {Samples} samples, {Chunks} chunks.")]
    public static partial void Ended(this ILogger logger, StreamId stream, StreamEndReason reason, long samples, long chunks);

    [LoggerMessage(LogLevel.Information, "Stream {Stream} has had no audio after sample {Sample} for {IdleTimeout}; it ends.")]
    public static partial void Idle(this ILogger logger, StreamId stream, long sample, TimeSpan idleTimeout);

    [LoggerMessage(LogLevel.Information, "Stream {Stream} goes on here at sample {Sample}: {How}.")]
    public static partial void Continued(this ILogger logger, StreamId stream, long sample, string how);

    [LoggerMessage(LogLevel.Information, "Stream {Stream} goes on with model {Model} instead of {Before} from chunk {Chunk} on.")]
    public static partial void Switched(this ILogger logger, StreamId stream, string before, string model, long chunk);

    [LoggerMessage(LogLevel.Information, "Stream {Stream} has had no audio after sample {Sample} for {HibernateAfter}; it gives its slot back and lies in the store.")]
    public static partial void Hibernated(this ILogger logger, StreamId stream, long sample, TimeSpan hibernateAfter);

    [LoggerMessage(LogLevel.Warning, "Stream {Stream} begins again without its memory at sample {Sample}: {Reason}")]
    public static partial void Cold(this ILogger logger, StreamId stream, long sample, string reason);

    [LoggerMessage(LogLevel.Warning, "The checkpoint of stream {Stream} at sample {Sample} was not written; tried again. Audio since sample {Durable} must be sent again if this silo fails now.")]
    public static partial void NotSaved(this ILogger logger, StreamId stream, long sample, long durable, Exception failure);

    [LoggerMessage(LogLevel.Warning, "The store could not be reached for stream {Stream}; tried again with its next call.")]
    public static partial void StoreAway(this ILogger logger, StreamId stream, Exception failure);

    [LoggerMessage(LogLevel.Warning, "Another silo owns stream {Stream} now; this one lets go of it at sample {Sample}.")]
    public static partial void Fenced(this ILogger logger, StreamId stream, long sample);

    [LoggerMessage(LogLevel.Warning, "Stream {Stream} could not be carried to another silo; it goes on from its checkpoint.")]
    public static partial void NotCarried(this ILogger logger, StreamId stream, Exception failure);

    [LoggerMessage(LogLevel.Error, "The end of stream {Stream} reached neither the store nor another silo: the stream goes on from its checkpoint, and ends again when its idle time is over.")]
    public static partial void EndLost(this ILogger logger, StreamId stream);

    [LoggerMessage(LogLevel.Warning, "Use and {Owed} events of stream {Stream} could not be entered in the tenant's books; told again soon.")]
    public static partial void NotSettled(this ILogger logger, StreamId stream, int owed, Exception failure);

    [LoggerMessage(LogLevel.Error, "Event {Event} of stream {Stream} is not kept: {Limit} wait for the tenant's books already.")]
    public static partial void EventLost(this ILogger logger, StreamId stream, string @event, int limit);

    [LoggerMessage(LogLevel.Error, "The tail of stream {Stream} could not be tagged; it ends without.")]
    public static partial void TailFailed(this ILogger logger, StreamId stream, Exception failure);
}
