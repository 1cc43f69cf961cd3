using Dass.Grid.V1;
using Spectre.Console;

namespace Dass.Grid.Cli.Output;

/// <summary>Several streams as a table that redraws itself: a row for each, in the order in which they are first heard.</summary>
internal sealed class LiveBoard
{
    private const int MaxRows = 40;
    private const int MaxNotes = 3;
    private static readonly TimeSpan Redraw = TimeSpan.FromMilliseconds(100);

    private readonly Dictionary<string, Row> _rows = new(StringComparer.Ordinal);
    private readonly List<Row> _ended = []; // that have a line, in the order in which they ended
    private readonly Queue<string> _notes = new();
    private readonly Table _table;
    private readonly LiveDisplayContext _screen;
    private long _drawn;

    private LiveBoard(Table table, LiveDisplayContext screen) => (_table, _screen) = (table, screen);

    /// <param name="work">Gets the view of the stream of an id.</param>
    /// <param name="console">Where it is drawn. Null: on standard output.</param>
    public static Task ShowAsync(Func<Func<string, IStreamView>, Task> work, IAnsiConsole? console = null)
    {
        var table = Terminal.NewTable()
            .AddColumn("stream")
            .AddColumn("at", column => column.RightAligned())
            .AddColumn("heard in the last 10 s")
            .AddColumn("under way");
        return (console ?? AnsiConsole.Console).Live(table).StartAsync(screen => work(new LiveBoard(table, screen).ViewOf));
    }

    private IStreamView ViewOf(string id)
    {
        if (!_rows.TryGetValue(id, out var row))
        {
            _rows.Add(id, row = new Row(this, id));
            row.Line = LineFor(row);
            Caption();
        }
        return row;
    }

    /// <summary>A new line while the screen has room, then that of the stream that ended longest ago.</summary>
    /// <returns>-1: all lines are those of live streams, or the row is of no stream and needs none.</returns>
    private int LineFor(Row row)
    {
        if (row.Id.Length == 0)
        {
            return -1;
        }
        if (_table.Rows.Count < MaxRows)
        {
            _table.AddRow(Markup.Escape(row.Id), "", "", "");
            return _table.Rows.Count - 1;
        }
        if (_ended.Count == 0)
        {
            return -1;
        }
        var old = _ended[0];
        _ended.RemoveAt(0);
        _rows.Remove(old.Id);
        _table.UpdateCell(old.Line, 0, Markup.Escape(row.Id)).UpdateCell(old.Line, 1, "").UpdateCell(old.Line, 2, "")
            .UpdateCell(old.Line, 3, "");
        return old.Line;
    }

    /// <summary>A stream that has ended keeps its line until another needs it.</summary>
    private void End(Row row)
    {
        if (row.Line < 0)
        {
            _rows.Remove(row.Id);
            Caption();
        }
        else if (!_ended.Contains(row))
        {
            _ended.Add(row);
        }
    }

    private void Caption()
    {
        var hidden = _rows.Values.Count(row => row.Id.Length > 0 && row.Line < 0);
        var lines = hidden > 0 ? _notes.Append($"and {hidden} more streams") : _notes;
        _table.Caption(Markup.Escape(string.Join(Environment.NewLine, lines)));
        Draw();
    }

    private void Draw()
    {
        if (_drawn == 0 || TimeProvider.System.GetElapsedTime(_drawn) > Redraw)
        {
            _drawn = TimeProvider.System.GetTimestamp();
            _screen.Refresh();
        }
    }

    private sealed class Row(LiveBoard board, string id) : IStreamView
    {
        private readonly SortedSet<string> _underWay = new(StringComparer.Ordinal);
        private (string At, string Heard) _last = ("", "");

        public string Id => id;

        /// <summary>-1: none.</summary>
        public int Line { get; set; }

        public void OnReady(Ready ready)
        {
            board._ended.Remove(this); // one that begins again under its id
            Show("", "[grey]…[/]");
        }

        public void OnTags(Tags tags)
        {
            Follow(tags.Events);
            Show(LineView.Seconds(tags.EndSeconds), Markup.Escape(LineView.List(tags.WindowScores)));
        }

        public void OnEvents(IReadOnlyCollection<Event> events)
        {
            Follow(events);
            Show(_last.At, _last.Heard); // a lost source has no chunks that would tell of it
        }

        public void OnDropped(long chunks) => OnNote($"{chunks} chunks were dropped.");

        public void OnNote(string note)
        {
            if (note.Length == 0)
            {
                return;
            }
            board._notes.Enqueue(note);
            if (board._notes.Count > MaxNotes)
            {
                board._notes.Dequeue();
            }
            board.Caption();
        }

        public void OnSummary(Summary summary)
        {
            Show(LineView.Seconds(summary.DurationSeconds), "[grey]has ended[/]");
            board.End(this);
        }

        private void Follow(IEnumerable<Event> events)
        {
            foreach (var sound in events)
            {
                _ = sound.Kind == EventKind.Closed ? _underWay.Remove(sound.Label) : _underWay.Add(sound.Label);
            }
        }

        private void Show(string at, string heard)
        {
            _last = (at, heard);
            if (Line < 0 && (Line = board.LineFor(this)) >= 0)
            {
                board.Caption(); // one fewer is hidden
            }
            if (Line >= 0)
            {
                board._table.UpdateCell(Line, 1, at).UpdateCell(Line, 2, heard)
                    .UpdateCell(Line, 3, Markup.Escape(string.Join(", ", _underWay)));
                board.Draw();
            }
        }
    }
}
