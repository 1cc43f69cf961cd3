using System.Diagnostics;
using Dass.Grid.Gateway.Grid;

namespace Dass.Grid.Gateway.Streams;

/// <summary>
/// When the last sample came that each chunk of a call needs: how late its tags are, where its trace begins, and how loud each was. Used
/// by the call's pump only.
/// </summary>
/// <param name="grid">Where delays are counted.</param>
/// <param name="id">The stream.</param>
/// <param name="attachment">Of the call.</param>
/// <param name="call">The call's own activity, to which each chunk's trace has a link.</param>
/// <remarks>Times are kept by place, in chunks of the stream's shape: within its latency budget a chunk may have several places.</remarks>
internal sealed class ChunkTimes(GridAccess grid, StreamId id, Attachment attachment, ActivityContext call)
{
    /// <summary>Of the tags that a call still lacks; older ones are not measured.</summary>
    private const int MaxWaiting = 64;

    /// <summary>What the window of a chunk's last frame reaches beyond the frame, s.</summary>
    private const double WindowSeconds = 0.015;

    private const double Rounding = 1e-3; // of times in chunks, which begin at whole samples

    private readonly Queue<(long Place, long At)> _complete = new();
    private readonly string _tenant = grid.Instruments.Tenants.For(id.Tenant);
    private readonly StreamShape _shape = attachment.Shape;
    private long _next = FirstPlace(attachment); // whose last sample has not come
    private long _measured = attachment.NextChunk; // chunks before it are counted by their level
    private int _places = 1; // of a chunk

    /// <summary>Whether the stream's audio comes faster than real time; the last answer says so.</summary>
    public bool CatchesUp { get; set; }

    /// <summary>Audio up to a sample is here.</summary>
    /// <param name="endSample">One after its last.</param>
    /// <param name="at">When it came, as the clock's timestamp.</param>
    public void OnArrived(long endSample, long at)
    {
        // Years may be lost before this audio: of the places that it completes, only the last are kept in any case.
        var ahead = (long)Math.Ceiling((_shape.LookAhead.TotalSeconds + WindowSeconds) / _shape.Chunk.TotalSeconds);
        _next = Math.Max(_next, (long)Place(endSample) - ahead - MaxWaiting - 1);
        for (; Needed(_next) <= endSample; _next++)
        {
            if (_complete.Count == MaxWaiting)
            {
                _complete.Dequeue();
            }
            _complete.Enqueue((_next, at));
        }
    }

    /// <summary>The stream goes on elsewhere.</summary>
    public void OnGap(StreamGap gap) => _next = Math.Max(_next, (long)Math.Ceiling(Place(gap.ToSample) - Rounding));

    /// <summary>A chunk's tags are written.</summary>
    public void OnWritten(ChunkTags chunk)
    {
        if (chunk.Index >= _measured)
        {
            grid.Instruments.OnLevel(_tenant, chunk.Level, chunk.EndSeconds - chunk.StartSeconds);
            _measured = chunk.Index + 1;
        }
        var length = _shape.Chunk.TotalSeconds;
        var last = (long)Math.Ceiling(chunk.EndSeconds / length - Rounding) - 1;
        _places = Math.Max(1, (int)Math.Round((chunk.EndSeconds - chunk.StartSeconds) / length));
        while (_complete.TryPeek(out var first) && first.Place <= last)
        {
            _complete.Dequeue();
            if (first.Place == last)
            {
                grid.Instruments.OnTagsWritten(_tenant, _shape.Model.Name, CatchesUp, grid.Time.GetElapsedTime(first.At));
            }
        }
    }

    /// <summary>Begins the trace of the chunk that a piece of audio completes, at the arrival of its last sample.</summary>
    /// <param name="endSample">Of the piece.</param>
    /// <returns>Null: it completes none, or nothing is traced.</returns>
    public Activity? StartTrace(long endSample)
    {
        if (!GatewayInstruments.Activities.HasListeners() || _complete.Count < _places)
        {
            return null;
        }
        var (place, at) = _complete.ElementAt(_places - 1);
        if (Needed(place) > endSample)
        {
            return null;
        }
        ActivityLink[] links = call == default ? [] : [new ActivityLink(call)];
        var waited = grid.Time.GetElapsedTime(at);
        var begun = DateTime.UtcNow - waited;
        var trace = GatewayInstruments.Activities.StartActivity(
            TelemetryNames.ChunkTrace, ActivityKind.Server, parentContext: default, links: links, startTime: begun);
        return trace?.SetTag(TelemetryNames.Tenant, id.Tenant)
            .SetTag(TelemetryNames.Stream, id.Name)
            .SetTag(TelemetryNames.Chunk, _measured)
            .SetTag(TelemetryNames.Model, _shape.Model.Name)
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

    // The chunk of the call's first tags, whose places before it were complete before.
    private static long FirstPlace(Attachment attachment)
    {
        var shape = attachment.Shape;
        var heard = (double)attachment.NextSample / shape.Format.SampleRateHz - shape.LookAhead.TotalSeconds - WindowSeconds;
        return Math.Max(attachment.NextChunk, (long)Math.Floor(heard / shape.Chunk.TotalSeconds + Rounding));
    }

    private double Place(long sample) => sample / (_shape.Format.SampleRateHz * _shape.Chunk.TotalSeconds);

    private long Needed(long place) =>
        (long)Math.Ceiling((((place + 1) * _shape.Chunk + _shape.LookAhead).TotalSeconds + WindowSeconds) * _shape.Format.SampleRateHz);
}
