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
    private readonly Queue<string> _notes = new();
    private readonly Table _table;
    private readonly LiveDisplayContext _screen;
    private long _drawn;

    private LiveBoard(Table table, LiveDisplayContext screen) => (_table, _screen) = (table, screen);

    public static Task ShowAsync(Func<Func<string, IStreamView>, Task> work)
    {
        var table = Terminal.NewTable()
            .AddColumn("stream")
            .AddColumn("at", column => column.RightAligned())
            .AddColumn("heard in the last 10 s")
            .AddColumn("under way");
        return AnsiConsole.Live(table).StartAsync(screen => work(new LiveBoard(table, screen).ViewOf));
    }

    private IStreamView ViewOf(string id)
    {
        if (!_rows.TryGetValue(id, out var row))
        {
            // Notes that are of no stream need no line; a screen has room for so many.
            var line = id.Length == 0 || _table.Rows.Count == MaxRows ? -1 : _table.Rows.Count;
            if (line >= 0)
            {
                _table.AddRow(Markup.Escape(id), "", "", "");
            }
            _rows.Add(id, row = new Row(this, line));
            Caption();
        }
        return row;
    }

    private void Caption()
    {
        var hidden = _rows.Keys.Count(id => id.Length > 0) - _table.Rows.Count;
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

    private sealed class Row(LiveBoard board, int line) : IStreamView
    {
        private readonly SortedSet<string> _underWay = new(StringComparer.Ordinal);

        public void OnReady(Ready ready) => Show("", "[grey]…[/]");

        public void OnTags(Tags tags)
        {
            Follow(tags.Events);
            Show(LineView.Seconds(tags.EndSeconds), Markup.Escape(LineView.List(tags.WindowScores)));
        }

        public void OnEvents(IReadOnlyCollection<Event> events) => Follow(events);

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

        public void OnSummary(Summary summary) => Show(LineView.Seconds(summary.DurationSeconds), "[grey]has ended[/]");

        private void Follow(IEnumerable<Event> events)
        {
            foreach (var sound in events)
            {
                _ = sound.Kind == EventKind.Closed ? _underWay.Remove(sound.Label) : _underWay.Add(sound.Label);
            }
        }

        private void Show(string at, string heard)
        {
            if (line >= 0)
            {
                board._table.UpdateCell(line, 1, at).UpdateCell(line, 2, heard)
                    .UpdateCell(line, 3, Markup.Escape(string.Join(", ", _underWay)));
                board.Draw();
            }
        }
    }
}
