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

    [LoggerMessage(LogLevel.Warning, "Stream {Stream} is lost after sample {Sample} ({Reason}): its client must begin it again.")]
    private partial void LogLost(StreamId stream, long sample, DeactivationReasonCode reason);

    [LoggerMessage(LogLevel.Error, "The tail of stream {Stream} could not be tagged; it ends without.")]
    private partial void LogTailFailed(StreamId stream, Exception failure);
}
