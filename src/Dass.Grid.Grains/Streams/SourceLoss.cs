using System.Globalization;
using Dass.Grid.Grains.Checkpoints;

namespace Dass.Grid.Grains.Streams;

/// <summary>
/// The event of a stream that gets no audio for too long, by the silo's clock: opened while nothing comes, closed by the first audio or by
/// the stream's end. Its begin and its end go by the time that passes, so they are times of day for a source that is fed live.
/// </summary>
/// <param name="time">The silo's clock; within one activation a clock that is set counts for nothing.</param>
/// <param name="doubt">
/// A stream that its silo's death has left: how much later than the store says it may have got audio, which its client may send again.
/// </param>
/// <remarks>Used on the grain's own scheduler only.</remarks>
internal sealed class SourceLoss(TimeProvider time, TimeSpan doubt)
{
    private readonly List<SoundEvent> _closed = []; // wait for the chunk that they go out with
    private TimeSpan? _after; // null: no event is asked for
    private DateTimeOffset _since; // when audio last came, or the stream began
    private TimeSpan _before; // of the time since then, what passed before this activation or its last audio
    private TimeSpan _doubt;
    private long _mark; // from here on this activation has counted
    private long _sample; // where the audio ended
    private double _seconds; // the same, stream time

    /// <summary>The event that is under way; null: none is.</summary>
    public SoundEvent? Open { get; private set; }

    /// <summary>Whether time alone may open an event.</summary>
    public bool IsPending => _after is not null && Open is null;

    /// <summary>What a checkpoint keeps; null: no event is asked for.</summary>
    public SourceLossNote? Note => _after is { } after
        ? new SourceLossNote(after, _since, _sample, Open is not null)
        {
            Closed = _closed.FirstOrDefault(), AlsoClosed = _closed.Count > 1 ? [.. _closed.Skip(1)] : null,
        }
        : null;

    private TimeSpan Without => _before + time.GetElapsedTime(_mark);

    /// <summary>The stream begins.</summary>
    /// <param name="after">How long it may be without audio; null: for ever.</param>
    /// <param name="sample">Where.</param>
    /// <param name="rate">Samples a second.</param>
    public void Begin(TimeSpan? after, long sample, int rate)
    {
        (_after, Open) = (after, null);
        _closed.Clear();
        Rest(sample, rate);
    }

    /// <summary>Goes on as a checkpoint says.</summary>
    /// <param name="note">The checkpoint's.</param>
    /// <param name="rate">Samples a second.</param>
    /// <param name="moved">The activation before has sent it: no audio has come since it was written.</param>
    public void Restore(SourceLossNote? note, int rate, bool moved)
    {
        Begin(note?.After, note?.Sample ?? 0, rate);
        if (note is not null)
        {
            var passed = time.GetUtcNow() - note.Since;
            (_since, _before) = (note.Since, passed > TimeSpan.Zero ? passed : TimeSpan.Zero);
            _doubt = moved || note.Opened || note.Sleeps ? TimeSpan.Zero : doubt;
            Open = note.Opened ? Event(SoundEventKind.Opened) : null;
            _closed.AddRange(note.Closed is { } first ? [first, .. note.AlsoClosed ?? []] : []);
        }
    }

    /// <returns>Whether the stream has been without audio for so long that an event opens now.</returns>
    public bool TryOpen()
    {
        if (!IsPending || Without - _doubt < _after)
        {
            return false;
        }
        Open = Event(SoundEventKind.Opened);
        return true;
    }

    /// <summary>Audio has come.</summary>
    /// <param name="sample">Where it ends.</param>
    /// <param name="rate">Samples a second.</param>
    /// <returns>Whether it ends an event.</returns>
    public bool Hear(long sample, int rate)
    {
        if (_after is null)
        {
            return false;
        }
        TryOpen(); // nothing has looked since
        var ends = Open is not null;
        if (ends)
        {
            _closed.Add(Event(SoundEventKind.Closed));
        }
        Open = null;
        Rest(sample, rate);
        return ends;
    }

    /// <summary>Events that have closed and have gone out with no chunk yet.</summary>
    public SoundEvent[] Take()
    {
        SoundEvent[] closed = [.. _closed];
        _closed.Clear();
        return closed;
    }

    /// <summary>The stream ends.</summary>
    /// <returns>What that closes, behind what has closed before.</returns>
    public SoundEvent[] Complete()
    {
        TryOpen();
        SoundEvent[] closed = Open is null ? Take() : [.. Take(), Event(SoundEventKind.Closed)];
        (_after, Open) = (null, null);
        return closed;
    }

    private void Rest(long sample, int rate)
    {
        (_since, _before, _doubt, _mark) = (time.GetUtcNow(), TimeSpan.Zero, TimeSpan.Zero, time.GetTimestamp());
        (_sample, _seconds) = (sample, (double)sample / rate);
    }

    /// <summary>The id is a function of the place, so what is repeated after a failure is the same event.</summary>
    private SoundEvent Event(SoundEventKind kind) => new(
        string.Create(CultureInfo.InvariantCulture, $"{SourceLabels.Lost}-{_sample}"),
        kind, SourceLabels.Lost, _seconds, _seconds + Without.TotalSeconds, Peak: 1, Mean: 1);
}
