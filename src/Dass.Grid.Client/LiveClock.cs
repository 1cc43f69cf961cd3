using System.Diagnostics;

namespace Dass.Grid.Client;

/// <summary>
/// Gives the audio of a live source its place in time. A sample cannot come before it was heard, so the least delay of the pieces that came
/// lately says where they belong: bursts after a pause of the network fill the time before them, and audio that is missing for good,
/// because the source was silent, away or slow, shows as a delay that stays. That becomes a jump of the positions. A source that is
/// faster than its rate has samples left out.
/// </summary>
/// <remarks>
/// A piece that fits in time is passed on at once. Others are held until the least delay has stood for <see cref="Settles"/>, so a source
/// that catches up for a minute is not taken for one that has lost a minute. Knows no clock of its own; not safe for threads.
/// </remarks>
internal sealed class LiveClock(int rate, int frameBytes)
{
    /// <summary>Delays within it are of the source's and the network's making, and of no consequence.</summary>
    public static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(0.5);

    /// <summary>The least delay is believed when it has stood for so long.</summary>
    public static readonly TimeSpan Settles = TimeSpan.FromSeconds(2);

    /// <summary>The clock is asked more often, unless the machine is too busy: then nothing has stood still but this process.</summary>
    private static readonly TimeSpan Busy = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan MaxHeld = TimeSpan.FromSeconds(30); // of audio
    private static readonly TimeSpan MaxAhead = TimeSpan.FromSeconds(30); // beyond it the clock went back

    private readonly Queue<LivePiece> _held = new();
    private DateTimeOffset? _epoch; // of position 0
    private int _era;
    private long _next; // position of what comes next
    private long _heldFrames;
    private bool _holding;
    private bool _fresh = true; // the source has just begun: what it gives first may be old
    private bool _paced; // the source gives more than there can be: a recording
    private long _least; // delay, samples
    private DateTimeOffset _leastAt;
    private DateTimeOffset _asked; // last

    /// <summary>Samples that were given no place, because the source was ahead of its rate.</summary>
    public long LeftOut { get; private set; }

    /// <summary>Samples that were missing, so far.</summary>
    public long Missing { get; private set; }

    /// <summary>When the era's position 0 was heard. Null: no audio has found its place yet.</summary>
    public DateTimeOffset? Epoch => _epoch;

    /// <summary>The source has given audio far ahead of time: it is asked for more only when <see cref="Wait"/> is over.</summary>
    public bool IsPaced => _paced;

    /// <summary>The source begins, or begins again.</summary>
    public void Begin() => (_fresh, _paced) = (true, false);

    /// <summary>How long the next read can wait: a recording is read at the speed at which it plays.</summary>
    public TimeSpan Wait(DateTimeOffset now)
    {
        if (!_paced || _epoch is not { } epoch)
        {
            return TimeSpan.Zero;
        }
        var ahead = TimeSpan.FromSeconds((double)(_next + _heldFrames) / rate) - (now - epoch);
        return ahead > TimeSpan.Zero ? ahead : TimeSpan.Zero;
    }

    /// <summary>Takes in what the source gave.</summary>
    /// <param name="data">Whole frames; the clock keeps it.</param>
    /// <param name="now">When it came.</param>
    /// <returns>What has found its place.</returns>
    public IReadOnlyList<LivePiece> Take(ReadOnlyMemory<byte> data, DateTimeOffset now)
    {
        Debug.Assert(data.Length % frameBytes == 0 && data.Length > 0);
        var frames = data.Length / frameBytes;
        NoteAsked(now);
        if (_epoch is null && _held.Count == 0)
        {
            _epoch = now - Span(frames); // until the burst of the beginning is over
            (_next, _fresh) = (0, true);
        }
        var delay = Samples(now - _epoch!.Value) - (_next + _heldFrames + frames);
        if (!_fresh && !_paced && delay < -Samples(MaxAhead))
        {
            return BeginEra(data, now);
        }
        if (!_holding && !_fresh && Math.Abs(delay) <= Samples(Tolerance))
        {
            return [Place(data)];
        }
        Hold(data, frames, delay, now);
        return Tick(now);
    }

    /// <summary>Time has passed.</summary>
    /// <returns>What has found its place by that.</returns>
    public IReadOnlyList<LivePiece> Tick(DateTimeOffset now)
    {
        NoteAsked(now);
        if (!_holding)
        {
            return [];
        }
        if (_paced)
        {
            return Release(now);
        }
        if (_heldFrames > Samples(MaxHeld))
        {
            _paced = _fresh && _least < -Samples(MaxHeld) / 3; // half as fast again as it plays, and no delay of a start
            if (_paced)
            {
                _epoch ??= now;
                _fresh = false;
                return Release(now);
            }
            return Settle();
        }
        var fits = !_fresh && Math.Abs(_least) <= Samples(Tolerance);
        return fits || now - _leastAt >= Settles || now < _leastAt - Settles ? Settle() : [];
    }

    private void NoteAsked(DateTimeOffset now)
    {
        if (_holding && now - _asked > Busy && now - _asked < MaxHeld)
        {
            _leastAt += now - _asked; // what came meanwhile has not been seen yet
        }
        _asked = now;
    }

    /// <summary>No more comes: the least delay so far is the truth.</summary>
    /// <returns>What was held.</returns>
    public IReadOnlyList<LivePiece> Flush() => _holding ? Settle() : [];

    private void Hold(ReadOnlyMemory<byte> data, int frames, long delay, DateTimeOffset now)
    {
        if (!_holding || delay < _least - rate / 20)
        {
            (_least, _leastAt) = (_holding ? Math.Min(_least, delay) : delay, now);
        }
        _least = Math.Min(_least, delay);
        _held.Enqueue(new LivePiece(_era, 0, data));
        (_holding, _heldFrames) = (true, _heldFrames + frames);
    }

    /// <summary>The least delay is the truth.</summary>
    private List<LivePiece> Settle()
    {
        if (_next == 0 && _fresh)
        {
            _epoch += Span(_least); // the first of all: no position has been given yet
        }
        else if (_least > Samples(Tolerance))
        {
            (_next, Missing) = (_next + _least, Missing + _least);
        }
        var leaveOut = _next > 0 && _least < -Samples(Tolerance) ? -_least : 0;
        var placed = new List<LivePiece>(_held.Count);
        while (_held.TryDequeue(out var piece))
        {
            var skip = (int)Math.Min(leaveOut, piece.Data.Length / frameBytes);
            leaveOut -= skip;
            LeftOut += skip;
            if (skip * frameBytes < piece.Data.Length)
            {
                placed.Add(Place(piece.Data[(skip * frameBytes)..]));
            }
        }
        (_heldFrames, _holding, _fresh) = (0, false, false);
        return placed;
    }

    /// <summary>Of a recording: what is due.</summary>
    private List<LivePiece> Release(DateTimeOffset now)
    {
        var placed = new List<LivePiece>();
        while (_held.TryPeek(out var piece))
        {
            var frames = piece.Data.Length / frameBytes;
            var delay = Samples(now - _epoch!.Value) - (_next + frames);
            if (delay < 0)
            {
                break;
            }
            if (delay > Samples(MaxHeld))
            {
                (_next, Missing) = (_next + delay, Missing + delay); // it was not asked for in time
            }
            placed.Add(Place(_held.Dequeue().Data));
            _heldFrames -= frames;
        }
        _holding = _held.Count > 0;
        return placed;
    }

    /// <summary>The clock went back: time cannot, so a new count begins.</summary>
    private IReadOnlyList<LivePiece> BeginEra(ReadOnlyMemory<byte> data, DateTimeOffset now)
    {
        _held.Clear();
        (_era, _epoch, _next, _heldFrames, _holding) = (_era + 1, null, 0, 0, false);
        return Take(data, now);
    }

    private LivePiece Place(ReadOnlyMemory<byte> data)
    {
        var piece = new LivePiece(_era, _next, data);
        _next += data.Length / frameBytes;
        return piece;
    }

    private long Samples(TimeSpan span) => (long)Math.Round(span.TotalSeconds * rate);

    private TimeSpan Span(long samples) => TimeSpan.FromSeconds((double)samples / rate);
}
