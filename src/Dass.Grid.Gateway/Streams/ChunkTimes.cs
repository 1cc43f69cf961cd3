using System.Diagnostics;
using Dass.Grid.Gateway.Grid;

namespace Dass.Grid.Gateway.Streams;

/// <summary>
/// When the last sample came that each chunk of a call needs: how late its tags are, where its trace begins, and how loud each was. Used
/// by the call's pump only.
/// </summary>
/// <param name="grid">Where delays are counted.</param>
/// <param name="id">The stream.</param>
/// <param name="shape">Of the stream; its chunks have one length for ever.</param>
/// <param name="nextChunk">The call's first new chunk.</param>
/// <param name="call">The call's own activity, to which each chunk's trace has a link.</param>
internal sealed class ChunkTimes(GridAccess grid, StreamId id, StreamShape shape, long nextChunk, ActivityContext call)
{
    /// <summary>Of the tags that a call still lacks; older ones are not measured.</summary>
    private const int MaxWaiting = 64;

    /// <summary>What the window of a chunk's last frame reaches beyond the frame, s.</summary>
    private const double WindowSeconds = 0.015;

    private readonly Queue<(long Chunk, long At)> _complete = new();
    private readonly string _tenant = grid.Instruments.Tenants.For(id.Tenant);
    private long _next = nextChunk; // whose last sample has not come
    private long _measured = nextChunk; // chunks before it are counted by their level

    /// <summary>Whether the stream's audio comes faster than real time; the last answer says so.</summary>
    public bool CatchesUp { get; set; }

    /// <summary>Audio up to a sample is here.</summary>
    /// <param name="endSample">One after its last.</param>
    /// <param name="at">When it came, as the clock's timestamp.</param>
    public void OnArrived(long endSample, long at)
    {
        for (; Needed(_next) <= endSample; _next++)
        {
            if (_complete.Count == MaxWaiting)
            {
                _complete.Dequeue();
            }
            _complete.Enqueue((_next, at));
        }
    }

    /// <summary>The stream goes on at another chunk.</summary>
    public void OnGap(long chunk) => _next = Math.Max(_next, chunk);

    /// <summary>A chunk's tags are written.</summary>
    public void OnWritten(ChunkTags chunk)
    {
        if (chunk.Index >= _measured)
        {
            grid.Instruments.OnLevel(_tenant, chunk.Level, chunk.EndSeconds - chunk.StartSeconds);
            _measured = chunk.Index + 1;
        }
        while (_complete.TryPeek(out var first) && first.Chunk <= chunk.Index)
        {
            _complete.Dequeue();
            if (first.Chunk == chunk.Index)
            {
                grid.Instruments.OnTagsWritten(_tenant, shape.Model.Name, CatchesUp, grid.Time.GetElapsedTime(first.At));
            }
        }
    }

    /// <summary>Begins the trace of the chunk that a piece of audio completes, at the arrival of its last sample.</summary>
    /// <param name="endSample">Of the piece.</param>
    /// <returns>Null: it completes none, or nothing is traced.</returns>
    public Activity? StartTrace(long endSample)
    {
        if (!GatewayInstruments.Activities.HasListeners() || !_complete.TryPeek(out var first) || Needed(first.Chunk) > endSample)
        {
            return null;
        }
        ActivityLink[] links = call == default ? [] : [new ActivityLink(call)];
        var waited = grid.Time.GetElapsedTime(first.At);
        var begun = DateTime.UtcNow - waited;
        var trace = GatewayInstruments.Activities.StartActivity(
            TelemetryNames.ChunkTrace, ActivityKind.Server, parentContext: default, links: links, startTime: begun);
        return trace?.SetTag(TelemetryNames.Tenant, id.Tenant)
            .SetTag(TelemetryNames.Stream, id.Name)
            .SetTag(TelemetryNames.Chunk, first.Chunk)
            .SetTag(TelemetryNames.Model, shape.Model.Name)
            .SetTag("dass.received_wait_ms", waited.TotalMilliseconds);
    }

    /// <summary>
    /// Ends a chunk's trace. What was slow or has failed is kept in any case; if the sampler had not chosen it, as this one span without
    /// the silo's.
    /// </summary>
    public void EndTrace(Activity? trace, TimeSpan deviceWait, Exception? failure)
    {
        if (trace is null)
        {
            return;
        }
        trace.SetTag("dass.device_wait_ms", deviceWait.TotalMilliseconds)
            .SetTag(TelemetryNames.Pace, CatchesUp ? TelemetryNames.CatchUp : TelemetryNames.Live)
            .SetEndTime(DateTime.UtcNow);
        if (failure is not null)
        {
            trace.SetStatus(ActivityStatusCode.Error, failure.Message);
        }
        if (failure is not null || trace.Duration > grid.Options.SlowChunk)
        {
            trace.ActivityTraceFlags |= ActivityTraceFlags.Recorded;
        }
        trace.Dispose();
    }

    private long Needed(long chunk) =>
        (long)Math.Ceiling((((chunk + 1) * shape.Chunk + shape.LookAhead).TotalSeconds + WindowSeconds) * shape.Format.SampleRateHz);
}
