using Dass.Grid.Grains.Checkpoints;
using Dass.Grid.Grains.Sessions;

namespace Dass.Grid.Grains.Streams;

/// <summary>
/// What a stream is to its grain, its feeder, its last chunks. Knows no clock, no store, no calls. Each transition is one method:
/// <code>
/// state        is                                          goes to, by
/// unknown      in no store, as far as this silo knows      asleep or ended: Restore · unreadable: MarkUnreadable · live: Hold
/// unreadable   in the store, which cannot be read now,     live: Hold (with a gap)
///              or not by this silo
/// asleep       a checkpoint in the store, no slot          live: Hold · unreadable: MarkUnreadable · ended: End (without a model)
///                                                          · asleep or ended: Restore (another silo had it)
/// live         in a slot                                   live: Hold (another session) · asleep: Hibernate · ended: End
///                                                          · unknown: Release
/// ended        over; answers with its end                  -
/// fenced       another silo owns it                        -
/// </code>
/// Any of them goes to fenced by <see cref="Fence"/>, when another silo has written the stream's checkpoint.
/// </summary>
internal sealed class StreamState(StreamId id, int historyChunks, int checkpointChunks, SourceLoss loss)
{
    private const int HealthLabels = 3;

    private long _fedSample; // where the stream was at LastFed
    private long _heardSample; // where it was at _lastAudio
    private DateTimeOffset? _lastAudio;
    private bool _isFed; // by a client that has attached, or pushed, here
    private long? _left; // the attachment whose call is over
    private TimeSpan _delay; // of the last chunk's tags

    public TagHistory History { get; } = new(historyChunks);

    public LostAudio Lost { get; } = new();

    public SourceLoss Loss => loss;

    public LiveStream? Live { get; private set; }

    /// <summary>
    /// The stream lies in the store, as this checkpoint says. Its session is here only from <see cref="Restore"/> to <see
    /// cref="DropSession"/>; its history is <see cref="History"/>.
    /// </summary>
    public Checkpoint? Asleep { get; private set; }

    public StreamStatus? Ended { get; private set; }

    /// <summary>Why what the store holds of the stream cannot be had: never (unknown stream), or not now (busy).</summary>
    public Refusal? Unreadable { get; private set; }

    /// <summary>Another silo owns the stream.</summary>
    public bool Fenced { get; private set; }

    /// <summary>The stream's feeder; see <see cref="Contracts.Attachment.Id"/>.</summary>
    public long Attachment { get; private set; }

    /// <summary>Whether a client feeds the stream, as far as this silo knows.</summary>
    public bool Attached => _isFed && _left != Attachment;

    /// <summary>The tenant's device time in relation to other tenants, as the last feeder has asked; null: as for a new tenant.</summary>
    public double? Weight { get; private set; }

    /// <summary>The last gap; null: none since this activation has had the stream.</summary>
    public StreamGap? Gap { get; private set; }

    /// <summary>When the stream was fed last, by the clock that is never set, as all times that are compared here.</summary>
    public DateTimeOffset LastActive { get; private set; }

    /// <summary>When a chunk's length of audio had last come, or the stream took its slot.</summary>
    public DateTimeOffset LastFed { get; private set; }

    /// <summary>Whether a client can ask for the stream's tags.</summary>
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
            return new StreamListing(id.Name, model, begun, Ended is not null) { Health = Health };
        }
    }

    /// <summary>Null: unknown.</summary>
    public StreamStatus? Status => StatusWithoutGap is { } status ? status with { Gap = Gap, Lost = loss.Open } : null;

    /// <summary>
    /// What an observer needs each time that it renews its lease, which each gateway does every two seconds: without the summary, which
    /// costs the head over all labels, health and rules. Null: unknown.
    /// </summary>
    public StreamStatus? Progress
    {
        get
        {
            var none = new HeardSummary(0, 0, [], []);
            var status = Live is { } live
                ? new StreamStatus(live.Shape, live.Begun, live.NextSample, History.NextChunk, none, End: null)
                : Asleep is { } rest ? new StreamStatus(rest.Shape, rest.Begun, rest.NextSample, History.NextChunk, none, End: null)
                : Ended;
            return status is null ? null : status with { Gap = Gap, Lost = loss.Open };
        }
    }

    /// <summary>Null: not live.</summary>
    private StreamHealth? Health
    {
        get
        {
            if (Live is not { } live)
            {
                return null;
            }
            var scores = History.Newest?.WindowScores ?? [];
            int[] labels = scores.Length == 0 ? []
                : LabelOrder.Take(live.Model.Offered, scores, least: 0, HealthLabels, live.Model.Card.AncestorsOf);
            return new StreamHealth(
                _lastAudio, Attached, _delay, History.Newest?.Level, labels, Array.ConvertAll(labels, label => scores[label]));
        }
    }

    private StreamStatus? StatusWithoutGap =>
        Live is { } live
        ? new StreamStatus(live.Shape, live.Begun, live.NextSample, History.NextChunk, live.Heard, End: null)
        {
            Health = Health, Rules = live.Events.Rules,
        }
        : Asleep is { } rest ? new StreamStatus(rest.Shape, rest.Begun, rest.NextSample, History.NextChunk, rest.Summary, End: null)
        : Ended;

    /// <summary>Unknown or asleep → asleep, or ended, as a checkpoint says.</summary>
    /// <param name="checkpoint">As it was read.</param>
    /// <param name="notes">The checkpoint's; null: it has none.</param>
    /// <param name="moved">It has come from the activation before, not from the store.</param>
    public void Restore(Checkpoint checkpoint, CheckpointNotes? notes, bool moved = false)
    {
        Attachment = checkpoint.Attachment;
        loss.Restore(checkpoint.Ended is null ? notes?.Loss : null, checkpoint.Shape.Format.SampleRateHz, moved);
        Lost.Restore(notes?.Lost ?? []);
        History.Restore(
            checkpoint.History.Select(chunk => chunk with
            {
                LostSeconds = Lost.Take(chunk.Index, chunk.Index),
                Level = notes?.Levels?.TryGetValue(chunk.Index, out var level) ?? false ? level : null,
            }),
            checkpoint.NextChunk);
        if (checkpoint.Ended is { } reason)
        {
            var end = new StreamEnd(reason, checkpoint.Summary)
            {
                Events = checkpoint.Closed, Begun = checkpoint.Begun, NextChunk = checkpoint.NextChunk,
            };
            Asleep = null;
            Ended = new StreamStatus(
                checkpoint.Shape, checkpoint.Begun, checkpoint.NextSample, checkpoint.NextChunk, checkpoint.Summary, end);
        }
        else
        {
            Asleep = checkpoint with { History = [] };
        }
    }

    /// <summary>Unknown or asleep → unreadable.</summary>
    public void MarkUnreadable(Refusal why) => (Asleep, Unreadable) = (null, why);

    /// <summary>Any but ended and fenced → live.</summary>
    public void Hold(LiveStream live, DateTimeOffset now)
    {
        (LastFed, _fedSample, _heardSample) = (now, live.NextSample, live.NextSample);
        (Live, Asleep, Unreadable) = (live, null, null);
        live.Weigh(id.Tenant, Weight);
    }

    /// <summary>The stream has lost its memory.</summary>
    public void MarkGap(StreamGap gap) => Gap = gap;

    /// <summary>Live → asleep: the store has it as <paramref name="checkpoint"/> says.</summary>
    public void Hibernate(Checkpoint checkpoint) => (Live, Asleep) = (null, checkpoint with { History = [] });

    /// <summary>Live or asleep → ended.</summary>
    public void End(StreamStatus status) => (Live, Asleep, Ended) = (null, null, status);

    /// <summary>Live → unknown: another session follows, or the activation goes.</summary>
    public void Release() => Live = null;

    /// <summary>Any → fenced. An end that only this silo has is no end: the other silo goes on with the stream.</summary>
    public void Fence(bool owesEnd) => (Live, Asleep, Ended, Fenced) = (null, null, owesEnd ? null : Ended, true);

    /// <summary>A checkpoint's session is 0.4 MB: it waits for a feeder no longer than for the call that follows its reading.</summary>
    public void DropSession()
    {
        if (Asleep is { Session.IsEmpty: false } asleep)
        {
            Asleep = asleep with { Session = default, Events = default };
        }
    }

    /// <summary>A feeder attaches.</summary>
    /// <param name="attachment">One that it takes up again; null: a new one, which ends all others.</param>
    /// <param name="now">When.</param>
    public void Attach(long? attachment, DateTimeOffset now)
    {
        Attachment = attachment ?? Attachment + 1;
        (_isFed, _left) = (true, null);
        LastActive = now;
    }

    /// <summary>A feeder's call is over.</summary>
    public void Detach(long attachment) => _left = attachment;

    /// <summary>The stream has been fed.</summary>
    /// <param name="live">The stream.</param>
    /// <param name="now">When.</param>
    /// <param name="timeOfDay">The same, as clients know it.</param>
    /// <returns>Whether it has been without audio for so long that this ends an event.</returns>
    public bool Feed(LiveStream live, DateTimeOffset now, DateTimeOffset timeOfDay)
    {
        var found = false;
        LastActive = now;
        _isFed = true;
        if (live.NextSample != _heardSample)
        {
            (_lastAudio, _heardSample) = (timeOfDay, live.NextSample);
            found = loss.Hear(live.NextSample, live.Shape.Format.SampleRateHz);
        }
        if (live.NextSample - _fedSample >= live.Shape.Chunk.TotalSeconds * live.Shape.Format.SampleRateHz)
        {
            (LastFed, _fedSample) = (now, live.NextSample);
        }
        return found;
    }

    /// <summary>Audio has completed chunks, whose tags came after this time.</summary>
    public void Tag(TimeSpan delay) => _delay = delay;

    /// <summary>The stream is fed, ends, or is loaded: its idle time begins anew.</summary>
    public void Touch(DateTimeOffset now) => LastActive = now;

    /// <summary>Sets the tenant's device time; null leaves it.</summary>
    public void Weigh(double? weight)
    {
        Weight = weight ?? Weight;
        Live?.Weigh(id.Tenant, Weight);
    }

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
        History.Last(checkpointChunks));

    /// <summary>The end of a stream at rest.</summary>
    public Checkpoint Snapshot(Checkpoint asleep, long epoch, StreamEndReason ended) => asleep with
    {
        Epoch = epoch, Attachment = Attachment, NextChunk = History.NextChunk, Ended = ended, History = History.Last(checkpointChunks),
        Session = default, Events = default,
    };

    /// <summary>Lost audio of the chunks that a checkpoint holds, and of the next ones, s.</summary>
    public Dictionary<long, double> LostSeconds() => new(History.Last(checkpointChunks)
        .Where(chunk => chunk.LostSeconds > 0)
        .Select(chunk => KeyValuePair.Create(chunk.Index, chunk.LostSeconds))
        .Concat(Lost.Seconds)
        .GroupBy(lost => lost.Key)
        .Select(lost => KeyValuePair.Create(lost.Key, lost.Sum(each => each.Value))));

    /// <summary>Levels of the chunks that a checkpoint holds.</summary>
    public Dictionary<long, StreamLevel> Levels() => History.Last(checkpointChunks)
        .Where(chunk => chunk.Level is not null)
        .ToDictionary(chunk => chunk.Index, chunk => chunk.Level!.Value);

    /// <summary>Why this attachment may not feed the stream; null: it may.</summary>
    public Refusal? RefuseFeeder(long attachment)
    {
        if (Live is null && Asleep is null)
        {
            return Ended is null ? Moved() : HasEnded();
        }
        return attachment == Attachment ? null : attachment < Attachment ? TakenOver() : Moved();
    }

    public Refusal TakenOver() => new(
        RefusalCode.TakenOver, $"stream '{id.Name}' has been taken over by a later call with the same stream_id.");

    /// <summary>The feeder has more of the stream than this activation.</summary>
    public Refusal Moved() => new(RefusalCode.Moved, $"stream '{id.Name}' has to be attached again: its silo has changed.");

    public Refusal HasEnded() => new(
        RefusalCode.StreamEnded,
        $"stream '{id.Name}' has ended ({Ended!.End!.Reason}) at sample {Ended.NextSample}; begin another stream_id.");

    public Refusal StoreAway() => new(
        RefusalCode.Busy,
        $"the store of streams cannot be read now, so it is not known how far stream '{id.Name}' has come. Call again.");

    public Refusal Unknown() => Fenced ? Moved() : Unreadable is { Code: RefusalCode.Busy } away ? away : new Refusal(
        RefusalCode.UnknownStream,
        Unreadable is { } unusable
            ? $"the state of stream '{id.Name}' cannot be used: {unusable.Message} Give a format to begin it again."
            : $"stream '{id.Name}' is unknown: never begun, or forgotten. Give a format to begin it.");
}
