using Dass.Grid.Grains.Checkpoints;
using Dass.Grid.Grains.Sessions;

namespace Dass.Grid.Grains.Streams;

/// <summary>
/// What a stream is to its grain: unknown, live, asleep in the store or ended; who feeds it; what it said last. Knows no clock, no store, no calls.
/// </summary>
internal sealed class StreamState(StreamId id, StreamGrainOptions options)
{
    public TagHistory History { get; } = new(options.HistoryChunks);

    public LostAudio Lost { get; } = new();

    public LiveStream? Live { get; set; }

    /// <summary>The stream lies in the store; neither history nor session are kept here.</summary>
    public Checkpoint? Asleep { get; set; }

    public StreamStatus? Ended { get; set; }

    /// <summary>Why what the store holds of the stream cannot be had: never (unknown stream), or not now (busy).</summary>
    public Refusal? Unreadable { get; set; }

    /// <summary>Another silo owns the stream.</summary>
    public bool Fenced { get; set; }

    /// <summary>Who feeds the stream; see <see cref="Contracts.Attachment.Id"/>.</summary>
    public long Attachment { get; set; }

    /// <summary>The tenant's device time in relation to other tenants, as whoever feeds the stream has said last.</summary>
    public double? Weight { get; set; }

    /// <summary>Whether anybody can ask for the stream's tags.</summary>
    public bool IsKnown => Live is not null || Asleep is not null || Ended is not null;

    /// <summary>Shape of a stream that can still be fed.</summary>
    public StreamShape? Shape => Live?.Shape ?? Asleep?.Shape;

    public StreamListing Listing
    {
        get
        {
            var (model, begun) = Live is { } live ? (live.Model.Name, live.Begun)
                : Asleep is { } asleep ? (asleep.Shape.Model.Name, asleep.Begun)
                : (Ended!.Shape.Model.Name, Ended.Begun);
            return new StreamListing(id.Name, model, begun, Ended is not null);
        }
    }

    /// <summary>Knows again what a checkpoint says, and its ledger of lost audio; a live stream stays asleep until audio comes.</summary>
    public void TakeOver(Checkpoint checkpoint, IReadOnlyDictionary<long, double> lost)
    {
        Attachment = checkpoint.Attachment;
        Lost.Restore(lost);
        History.Restore(checkpoint.History.Select(chunk => chunk with { LostSeconds = Lost.Take(chunk.Index) }), checkpoint.NextChunk);
        if (checkpoint.Ended is { } reason)
        {
            Ended = new StreamStatus(
                checkpoint.Shape, checkpoint.Begun, checkpoint.NextSample, checkpoint.NextChunk, checkpoint.Summary, new StreamEnd(reason, checkpoint.Summary)
                {
                    Events = checkpoint.Closed,
                });
        }
        else
        {
            Asleep = checkpoint with { History = [], Session = default, Events = default };
        }
    }

    /// <summary>Lost audio of the chunks that a checkpoint holds, and of the next ones, s.</summary>
    public Dictionary<long, double> LostSeconds() => new(History.Last(options.CheckpointChunks)
        .Where(chunk => chunk.LostSeconds > 0)
        .Select(chunk => KeyValuePair.Create(chunk.Index, chunk.LostSeconds))
        .Concat(Lost.Seconds));

    /// <summary>The stream at rest, without its session.</summary>
    public Checkpoint Snapshot(LiveStream live, long epoch, StreamEndReason? ended = null) => new(
        epoch,
        Attachment,
        live.Shape,
        live.Begun,
        live.NextSample,
        live.Origin,
        History.NextChunk,
        live.Heard,
        ended,
        History.Last(options.CheckpointChunks));

    /// <summary>Null: unknown.</summary>
    public StreamStatus? Status =>
        Live is { } live ? new StreamStatus(live.Shape, live.Begun, live.NextSample, History.NextChunk, live.Heard, End: null)
        : Asleep is { } asleep ? new StreamStatus(asleep.Shape, asleep.Begun, asleep.NextSample, History.NextChunk, asleep.Summary, End: null)
        : Ended;

    /// <summary>Why this attachment may not feed the stream; null: it may.</summary>
    public Refusal? NotFedBy(long attachment)
    {
        if (Live is null && Asleep is null)
        {
            return Ended is null ? Moved() : HasEnded();
        }
        return attachment == Attachment ? null : attachment < Attachment ? TakenOver() : Moved();
    }

    public Refusal TakenOver() => new(RefusalCode.TakenOver, $"stream '{id.Name}' has been taken over by a later call with the same stream_id.");

    /// <summary>Whoever feeds the stream knows more of it than this activation.</summary>
    public Refusal Moved() => new(RefusalCode.Moved, $"stream '{id.Name}' has to be attached again: its silo has changed.");

    public Refusal HasEnded() => new(
        RefusalCode.StreamEnded, $"stream '{id.Name}' has ended ({Ended!.End!.Reason}) at sample {Ended.NextSample}; begin another stream_id.");

    public Refusal StoreAway() => new(
        RefusalCode.Busy, $"the store of streams cannot be read now, so it is not known how far stream '{id.Name}' has come. Call again.");

    public Refusal Unknown() => Fenced ? Moved() : Unreadable is { Code: RefusalCode.Busy } away ? away : new Refusal(
        RefusalCode.UnknownStream,
        Unreadable is { } unusable
            ? $"the state of stream '{id.Name}' cannot be used: {unusable.Message} Give a format to begin it again."
            : $"stream '{id.Name}' is unknown: never begun, or forgotten. Give a format to begin it.");
}
