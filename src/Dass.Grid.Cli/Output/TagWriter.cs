using System.Globalization;
using System.Text.Json;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Tags;
using Spectre.Console;

namespace Dass.Grid.Cli.Output;

/// <summary>What <c>dass tag</c> found in one file.</summary>
internal sealed record TaggedFile(StreamSummary Summary, IReadOnlyList<ChunkScores> Chunks);

/// <summary>Writes the results of <c>dass tag</c> to standard output.</summary>
internal abstract class TagWriter
{
    public abstract void Write(string file, DassModel model, TaggedFile result);

    public static TagWriter For(OutputFormat format, int top) => format switch
    {
        OutputFormat.Json => new JsonTagWriter(),
        OutputFormat.Csv => new CsvTagWriter(),
        _ => new TableTagWriter(top),
    };
}

/// <summary>The labels with the highest window scores, of those that the model offers.</summary>
internal sealed class TableTagWriter(int top) : TagWriter
{
    public override void Write(string file, DassModel model, TaggedFile result)
    {
        var summary = result.Summary;
        var table = Terminal.NewTable()
            .AddColumn("label")
            .AddColumn("max", column => column.RightAligned())
            .AddColumn("mean", column => column.RightAligned());
        int[] offered = summary.Chunks > 0 ? [.. model.Labels.Offered.Select(label => label.Index)] : [];
        foreach (var label in LabelOrder.Take(offered, summary.Max, least: 0, top, model.Labels.Ancestors))
        {
            table.AddRow(Markup.Escape(model.Labels[label].Name), Scores.Text(summary.Max[label]), Scores.Text(summary.Mean[label]));
        }
        AnsiConsole.MarkupLineInterpolated(
            $"[bold]{file}[/]  {summary.DurationSeconds:0.00} s, {summary.Chunks} chunks, model {model.Name}");
        AnsiConsole.Write(table);
    }
}

/// <summary>One object per file on one line.</summary>
internal sealed class JsonTagWriter : TagWriter
{
    public override void Write(string file, DassModel model, TaggedFile result) => Console.Out.WriteLine(JsonSerializer.Serialize(
        new
        {
            file,
            model = model.Name,
            duration_seconds = result.Summary.DurationSeconds,
            labels = model.Labels.All.Select(label => label.Name),
            mean = result.Summary.Mean,
            max = result.Summary.Max,
            chunks = result.Chunks.Select(chunk => new { start = chunk.StartSeconds, end = chunk.EndSeconds, scores = chunk.Scores }),
        },
        Scores.Json));
}

/// <summary>One row per file and label.</summary>
internal sealed class CsvTagWriter : TagWriter
{
    private bool _headerWritten;

    public override void Write(string file, DassModel model, TaggedFile result)
    {
        if (!_headerWritten)
        {
            Console.Out.WriteLine("file,label,mean,max");
            _headerWritten = true;
        }
        foreach (var label in model.Labels.All.Where(_ => result.Summary.Chunks > 0))
        {
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{Scores.Csv(file)},{Scores.Csv(label.Name)},{result.Summary.Mean[label.Index]:R},{result.Summary.Max[label.Index]:R}"));
        }
    }
}

internal static class Scores
{
    /// <summary>Floats are written with as many digits as it takes to read the same value back.</summary>
    public static readonly JsonSerializerOptions Json = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static string Text(float score) => score.ToString("0.000", CultureInfo.InvariantCulture);

    public static string Csv(string text) => text.AsSpan().IndexOfAny(",\"\n\r") >= 0 ? $"\"{text.Replace("\"", "\"\"")}\"" : text;
}
