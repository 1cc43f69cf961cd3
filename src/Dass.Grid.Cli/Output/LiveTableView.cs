using Dass.Grid.V1;
using Spectre.Console;

namespace Dass.Grid.Cli.Output;

/// <summary>The latest chunks of one stream as a table that redraws itself.</summary>
internal sealed class LiveTableView : IStreamView
{
    private const int MaxRows = 16;
    private const int MaxNotes = 3;

    private readonly Table _table;
    private readonly LiveDisplayContext _screen;
    private readonly Queue<string> _notes = new();
    private IReadOnlyCollection<Event> _closed = [];
    private Summary? _summary;

    private LiveTableView(Table table, LiveDisplayContext screen) => (_table, _screen) = (table, screen);

    /// <param name="work">Gets the view.</param>
    /// <param name="console">Where it is drawn. Null: on standard output.</param>
    public static async Task ShowAsync(Func<IStreamView, Task> work, IAnsiConsole? console = null)
    {
        var table = Terminal.NewTable()
            .AddColumn("from", column => column.RightAligned())
            .AddColumn("to", column => column.RightAligned())
            .AddColumn("heard in the last 10 s");
        var (summary, closed) = await (console ?? AnsiConsole.Console).Live(table).StartAsync(async screen =>
        {
            var view = new LiveTableView(table, screen);
            await work(view).ConfigureAwait(false);
            return (view._summary, view._closed);
        }).ConfigureAwait(false);
        if (summary is not null)
        {
            new LineView().OnEvents(closed);
            new LineView().OnSummary(summary); // below the table, once that stands still
        }
    }

    public void OnReady(Ready ready)
    {
        _table.Title($"{Markup.Escape(ready.StreamId)} · model {Markup.Escape(ready.Model.Name)}");
        _screen.Refresh();
    }

    public void OnTags(Tags tags)
    {
        ShowChanges(_closed);
        _closed = [];
        AddRow(
            LineView.Seconds(tags.StartSeconds), LineView.Seconds(tags.EndSeconds),
            Markup.Escape(LineView.List(tags.WindowScores) + LineView.Changes(tags)));
    }

    /// <remarks>What the stream's end closes is written below the table; what a gap closes is followed by more of the stream.</remarks>
    public void OnEvents(IReadOnlyCollection<Event> events)
    {
        ShowChanges(_closed);
        _closed = [.. events.Where(sound => sound.Kind == EventKind.Closed)];
        ShowChanges(events.Where(sound => sound.Kind != EventKind.Closed)); // a lost source has no chunks that would tell of it
    }

    public void OnDropped(long chunks) => AddRow("", "", $"[yellow]{chunks} chunks were dropped[/]");

    /// <remarks>Under the table: a line of its own would tear it.</remarks>
    public void OnNote(string note)
    {
        if (note.Length == 0)
        {
            return;
        }
        _notes.Enqueue(note);
        if (_notes.Count > MaxNotes)
        {
            _notes.Dequeue();
        }
        _table.Caption(Markup.Escape(string.Join(Environment.NewLine, _notes)));
        _screen.Refresh();
    }

    public void OnSummary(Summary summary) => _summary = summary;

    private void ShowChanges(IEnumerable<Event> events)
    {
        if (LineView.Changes(events) is { Length: > 0 } changes)
        {
            AddRow("", "", Markup.Escape(changes.TrimStart()));
        }
    }

    private void AddRow(params string[] cells)
    {
        if (_table.Rows.Count >= MaxRows)
        {
            _table.RemoveRow(0);
        }
        _table.AddRow(cells);
        _screen.Refresh();
    }
}
