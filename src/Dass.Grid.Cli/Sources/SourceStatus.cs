namespace Dass.Grid.Cli.Sources;

internal enum SourceState
{
    /// <summary>It is being opened, and has given nothing yet.</summary>
    Connecting,

    /// <summary>It gives audio, and the grid takes it.</summary>
    Live,

    /// <summary>It is open and gives nothing.</summary>
    Silent,

    /// <summary>It has ended or broken, and is begun again in a moment.</summary>
    Waiting,

    /// <summary>It gives audio, and the grid is away.</summary>
    NoGrid,

    /// <summary>It gives audio, and the grid refuses it.</summary>
    Refused,

    /// <summary>A folder without a recording that is new.</summary>
    Idle,

    /// <summary>It is over.</summary>
    Ended,
}

/// <summary>How a source stands at a moment.</summary>
/// <param name="Id">The source's.</param>
/// <param name="Shown">Where it comes from.</param>
/// <param name="State">What it does.</param>
/// <param name="LastAudio">When it last gave audio. Null: never.</param>
/// <param name="LevelDb">Of its last second, dBFS. Null: no audio in that time.</param>
/// <param name="Restarts">How often it was begun again.</param>
/// <param name="Delay">From the last audio of a chunk to its tags. Null: no tags have come.</param>
/// <param name="Missing">Time in which it gave nothing.</param>
/// <param name="LeftOut">Audio beyond the time that has passed.</param>
/// <param name="Dropped">Audio that was dropped while the grid was away.</param>
/// <param name="Heard">The highest labels of the last chunk.</param>
/// <param name="Note">What a person should know. Empty: nothing.</param>
internal sealed record SourceReport(
    string Id, string Shown, SourceState State, DateTimeOffset? LastAudio, double? LevelDb, long Restarts, TimeSpan? Delay,
    TimeSpan Missing, TimeSpan LeftOut, TimeSpan Dropped, string Heard, string Note);

/// <summary>What the parts of a source report of it, from any thread.</summary>
internal sealed class SourceStatus(SourceSpec spec, TimeProvider clock)
{
    private static readonly TimeSpan Recent = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private bool _isOpen;
    private bool _ended;
    private bool _idle;
    private string _source = "";
    private string _grid = "";
    private bool _refused;
    private long _restarts;
    private DateTimeOffset? _lastAudio;
    private double? _levelDb;
    private TimeSpan? _delay;
    private string _heard = "";
    private Func<(TimeSpan Missing, TimeSpan LeftOut, TimeSpan Dropped)> _losses = () => default;

    public SourceSpec Spec => spec;

    public SourceReport Report()
    {
        lock (_lock)
        {
            var hasAudio = clock.GetUtcNow() - _lastAudio < Recent;
            var state = _ended ? SourceState.Ended
                : _idle ? SourceState.Idle
                : !_isOpen ? _source.Length > 0 ? SourceState.Waiting : SourceState.Connecting
                : !hasAudio ? _lastAudio is null ? SourceState.Connecting : SourceState.Silent
                : _grid.Length == 0 ? SourceState.Live
                : _refused ? SourceState.Refused : SourceState.NoGrid;
            var (missing, leftOut, dropped) = _losses();
            var note = state == SourceState.Live ? "" : string.Join(" ", ((string[])[_source, _grid]).Where(part => part.Length > 0));
            return new SourceReport(
                spec.Id, spec.Shown, state, _lastAudio, hasAudio ? _levelDb : null, _restarts, _delay, missing, leftOut, dropped, _heard,
                note);
        }
    }

    public void Count(Func<(TimeSpan Missing, TimeSpan LeftOut, TimeSpan Dropped)> losses) => Set(() => _losses = losses);

    public void OnOpening(bool again) => Set(() => (_isOpen, _restarts) = (true, _restarts + (again ? 1 : 0)));

    public void OnAudio(double? levelDb) => Set(() => (_lastAudio, _levelDb, _source) = (clock.GetUtcNow(), levelDb, ""));

    public void OnClosed(string why) => Set(() => (_isOpen, _idle, _source) = (false, false, why));

    public void OnGridAway(string why) => Set(() => (_grid, _refused) = (why, false));

    public void OnRefused(string why) => Set(() => (_grid, _refused) = (why, true));

    public void OnGridThere() => Set(() => _grid = "");

    public void OnTags(string heard, TimeSpan? delay) => Set(() => (_heard, _delay, _grid) = (heard, delay, ""));

    public void OnIdle(string note) => Set(() => (_idle, _source) = (true, note));

    public void OnBusy() => Set(() => (_idle, _isOpen) = (false, true));

    public void OnEnded(string note) => Set(() => (_ended, _source) = (true, note));

    private void Set(Action change)
    {
        lock (_lock)
        {
            change();
        }
    }
}
