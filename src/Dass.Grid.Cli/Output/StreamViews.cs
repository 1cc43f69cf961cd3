using System.Globalization;
using System.Text.Json;
using Dass.Grid.V1;
using Spectre.Console;

namespace Dass.Grid.Cli.Output;

/// <summary>Shows a live stream on standard output.</summary>
internal interface IStreamView
{
    void OnReady(Ready ready);

    void OnTags(Tags tags);

    void OnDropped(long chunks);

    void OnSummary(Summary summary);

    /// <summary>Runs <paramref name="work"/> with the view that suits the output: a live table for a person, lines for a pipe, JSON or CSV when asked for.</summary>
    static async Task ShowAsync(OutputFormat format, Func<IStreamView, Task> work)
    {
        if (format == OutputFormat.Table && Terminal.IsInteractive)
        {
            var table = LiveTableView.NewTable();
            var summary = new StrongReference();
            await AnsiConsole.Live(table).StartAsync(context => work(new LiveTableView(context, table, summary))).ConfigureAwait(false);
            if (summary.Value is not null)
            {
                new LineView().OnSummary(summary.Value);
            }
            return;
        }
        await work(format switch { OutputFormat.Json => new JsonView(), OutputFormat.Csv => new CsvView(), _ => new LineView() }).ConfigureAwait(false);
    }

    /// <summary>Keeps the summary until the live table has gone.</summary>
    internal sealed class StrongReference
    {
        public Summary? Value { get; set; }
    }
}

/// <summary>The latest chunks of one stream as a table that redraws itself.</summary>
internal sealed class LiveTableView(LiveDisplayContext context, Table table, IStreamView.StrongReference end) : IStreamView
{
    private const int Rows = 16;

    public static Table NewTable() => new Table().AddColumn("from", column => column.RightAligned()).AddColumn("to", column => column.RightAligned()).AddColumn("heard in the last 10 s");

    public void OnReady(Ready ready)
    {
        table.Title($"{Markup.Escape(ready.StreamId)} · model {Markup.Escape(ready.Model.Name)}");
        context.Refresh();
    }

    public void OnTags(Tags tags)
    {
        if (table.Rows.Count >= Rows)
        {
            table.RemoveRow(0);
        }
        table.AddRow(LineView.Seconds(tags.StartSeconds), LineView.Seconds(tags.EndSeconds), Markup.Escape(LineView.List(tags.WindowScores)));
        context.Refresh();
    }

    public void OnDropped(long chunks)
    {
        table.AddRow("", "", $"[yellow]{chunks} chunks were dropped[/]");
        context.Refresh();
    }

    public void OnSummary(Summary summary) => end.Value = summary;
}

/// <summary>One plain line per chunk.</summary>
internal sealed class LineView : IStreamView
{
    public void OnReady(Ready ready) => Console.Out.WriteLine($"stream {ready.StreamId}, model {ready.Model.Name}");

    public void OnTags(Tags tags) => Console.Out.WriteLine($"{Seconds(tags.StartSeconds),8} - {Seconds(tags.EndSeconds),8}  {List(tags.WindowScores)}");

    public void OnDropped(long chunks) => Console.Out.WriteLine($"{chunks} chunks were dropped");

    public void OnSummary(Summary summary)
    {
        Console.Out.WriteLine($"heard {Seconds(summary.DurationSeconds)} in {summary.Chunks} chunks");
        Console.Out.WriteLine($"  highest: {List(summary.Max)}");
        Console.Out.WriteLine($"  mean:    {List(summary.Mean)}");
    }

    public static string Seconds(double seconds) => seconds.ToString("0.00", CultureInfo.InvariantCulture) + "s";

    public static string List(IEnumerable<LabelScore> scores) => string.Join("  ", scores.Select(score => $"{score.Name} {Scores.Text(score.Score)}"));
}

/// <summary>One object per line, told apart by <c>type</c>: ready, tags, dropped, summary.</summary>
internal sealed class JsonView : IStreamView
{
    public void OnReady(Ready ready) => Write(new { type = "ready", stream_id = ready.StreamId, model = ready.Model.Name, next_sample = ready.NextSample });

    public void OnTags(Tags tags) => Write(new
    {
        type = "tags",
        chunk = tags.Chunk,
        start = tags.StartSeconds,
        end = tags.EndSeconds,
        scores = List(tags.ChunkScores),
        window_scores = List(tags.WindowScores),
    });

    public void OnDropped(long chunks) => Write(new { type = "dropped", chunks });

    public void OnSummary(Summary summary) => Write(new
    {
        type = "summary",
        duration_seconds = summary.DurationSeconds,
        chunks = summary.Chunks,
        max = List(summary.Max),
        mean = List(summary.Mean),
    });

    private static object List(IEnumerable<LabelScore> scores) => scores.Select(score => new { label = score.Name, id = score.Id, score = score.Score });

    private static void Write(object line) => Console.Out.WriteLine(JsonSerializer.Serialize(line, Scores.Json));
}

/// <summary>One row per chunk and label.</summary>
internal sealed class CsvView : IStreamView
{
    public void OnReady(Ready ready) => Console.Out.WriteLine("chunk,start,end,label,window_score");

    public void OnTags(Tags tags)
    {
        foreach (var score in tags.WindowScores)
        {
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{tags.Chunk},{tags.StartSeconds:R},{tags.EndSeconds:R},{Scores.Csv(score.Name)},{score.Score:R}"));
        }
    }

    public void OnDropped(long chunks) => Console.Error.WriteLine($"dass: {chunks} chunks were dropped.");

    public void OnSummary(Summary summary)
    {
    }
}
