using System.Globalization;
using System.Text;
using System.Text.Json;
using Dass.Grid.Cli.Output;
using Dass.Grid.Engine.Events;
using Dass.Grid.Engine.Model;
using Spectre.Console;

namespace Dass.Grid.Cli.Recordings;

/// <summary>Writes the results of <c>dass tag</c>.</summary>
internal abstract class TagWriter
{
    /// <summary>Called for each recording, in order.</summary>
    public abstract void Write(FoundRecording recording, TaggedRecording result);

    /// <summary>Called once, also when it was interrupted.</summary>
    public virtual void End()
    {
    }

    /// <summary>Labels that the model offers and that were highest, at most so many; without a number all of them in their order.</summary>
    protected static int[] Labels(DassModel model, TaggedRecording result, int? top) =>
        top is { } most ? Highest(model, result, most) : [.. model.Labels.All.Select(label => label.Index)];

    protected static int[] Highest(DassModel model, TaggedRecording result, int most)
    {
        int[] offered = result.Summary.Chunks > 0 ? [.. model.Labels.Offered.Select(label => label.Index)] : [];
        return LabelOrder.Take(offered, result.Summary.Max, least: 0, most, model.Labels.Ancestors);
    }

    protected static string Seconds(double seconds) => seconds.ToString("0.00", CultureInfo.InvariantCulture);

    /// <summary>When a label's events were: the first ones, and how many more there are.</summary>
    protected static string When(IReadOnlyCollection<EventChange> events)
    {
        const int shown = 3;
        var spans = string.Join(
            "  ", events.Take(shown).Select(sound => $"{Seconds(sound.OnsetSeconds)}–{Seconds(sound.OffsetSeconds)}"));
        return events.Count > shown ? $"{spans}  and {events.Count - shown} more" : spans;
    }
}

/// <summary>The labels with the highest window scores, and when they were heard, of each recording.</summary>
internal sealed class TableTagWriter(DassModel model, int top) : TagWriter
{
    public override void Write(FoundRecording recording, TaggedRecording result)
    {
        var summary = result.Summary;
        var table = Terminal.NewTable()
            .AddColumn("label")
            .AddColumn("max", column => column.RightAligned())
            .AddColumn("mean", column => column.RightAligned())
            .AddColumn("heard, s");
        foreach (var label in Highest(model, result, top))
        {
            table.AddRow(
                Markup.Escape(model.Labels[label].Name), Scores.Text(summary.Max[label]), Scores.Text(summary.Mean[label]),
                When([.. result.Events.Where(sound => sound.Label == label)]));
        }
        AnsiConsole.MarkupLineInterpolated(
            $"[bold]{result.File}[/]  {summary.DurationSeconds:0.00} s, {summary.Chunks} chunks, model {model.Name}");
        AnsiConsole.Write(table);
    }
}

/// <summary>A row for each of several recordings, then one for each label that had events.</summary>
internal sealed class SummaryTagWriter(DassModel model, int top) : TagWriter
{
    private readonly Table _recordings = Terminal.NewTable()
        .AddColumn("recording")
        .AddColumn("seconds", column => column.RightAligned())
        .AddColumn("highest")
        .AddColumn("events");

    private readonly Dictionary<int, (int Recordings, int Events, double Seconds, float Peak)> _labels = [];

    public override void Write(FoundRecording recording, TaggedRecording result)
    {
        var highest = Highest(model, result, top).Select(label => $"{model.Labels[label].Name} {Scores.Text(result.Summary.Max[label])}");
        var byLabel = result.Events.GroupBy(sound => sound.Label).ToArray();
        var events = byLabel.Select(sounds => $"{model.Labels[sounds.Key].Name} {When([.. sounds])}");
        _recordings.AddRow(
            Markup.Escape(result.File), Seconds(result.Summary.DurationSeconds), Markup.Escape(string.Join("  ", highest)),
            Markup.Escape(string.Join("; ", events)));
        foreach (var sounds in byLabel)
        {
            var before = _labels.GetValueOrDefault(sounds.Key);
            _labels[sounds.Key] = (
                before.Recordings + 1, before.Events + sounds.Count(),
                before.Seconds + sounds.Sum(sound => sound.OffsetSeconds - sound.OnsetSeconds),
                Math.Max(before.Peak, sounds.Max(sound => sound.Peak)));
        }
    }

    public override void End()
    {
        if (_recordings.Rows.Count == 0)
        {
            return;
        }
        AnsiConsole.Write(_recordings);
        var table = Terminal.NewTable().AddColumn("label");
        foreach (var name in (string[])["recordings", "events", "seconds", "peak"])
        {
            table.AddColumn(name, column => column.RightAligned());
        }
        foreach (var (label, sum) in _labels.OrderByDescending(each => each.Value.Events).ThenBy(each => each.Key))
        {
            table.AddRow(
                Markup.Escape(model.Labels[label].Name), $"{sum.Recordings}", $"{sum.Events}", Seconds(sum.Seconds), Scores.Text(sum.Peak));
        }
        if (_labels.Count > 0)
        {
            AnsiConsole.WriteLine();
            AnsiConsole.Write(table);
        }
    }
}

/// <summary>The events of one recording or several.</summary>
internal sealed class EventTableTagWriter(DassModel model) : TagWriter
{
    private readonly Table _table = Terminal.NewTable()
        .AddColumn("onset, s", column => column.RightAligned())
        .AddColumn("seconds", column => column.RightAligned())
        .AddColumn("label")
        .AddColumn("peak", column => column.RightAligned())
        .AddColumn("recording");

    public override void Write(FoundRecording recording, TaggedRecording result)
    {
        foreach (var sound in result.Events)
        {
            _table.AddRow(
                Seconds(sound.OnsetSeconds), Seconds(sound.OffsetSeconds - sound.OnsetSeconds),
                Markup.Escape(model.Labels[sound.Label].Name),
                Scores.Text(sound.Peak), Markup.Escape(result.File));
        }
    }

    public override void End() => AnsiConsole.Write(_table);
}

/// <summary>The events as lines that other programs read: of all recordings to standard output, or of each to a file of its own.</summary>
internal sealed class EventFileTagWriter(DassModel model, EventFileFormat format, string? folder) : TagWriter
{
    private bool _begun;

    public override void Write(FoundRecording recording, TaggedRecording result)
    {
        var text = new StringBuilder();
        if (folder is not null || !_begun)
        {
            _begun = true;
            EventText.Begin(format, text);
        }
        foreach (var sound in result.Events)
        {
            EventText.Write(format, result.Line(sound, model), text);
        }
        if (folder is null)
        {
            Console.Out.Write(text);
            return;
        }
        var file = Path.Combine(folder, recording.Name + EventText.Extension(format));
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text.ToString());
    }
}

/// <summary>One object per recording on one line.</summary>
internal sealed class JsonTagWriter(DassModel model, int? top) : TagWriter
{
    public override void Write(FoundRecording recording, TaggedRecording result)
    {
        var labels = Labels(model, result, top);
        float[] Pick(float[] scores) => scores.Length == 0 ? [] : [.. labels.Select(label => scores[label])];
        // A piece at a time: the text of a day of audio would not fit into a string.
        JsonSerializer.Serialize(
            Terminal.OpenOutput(),
            new
            {
                file = result.File,
                model = model.Name,
                duration_seconds = result.Summary.DurationSeconds,
                labels = labels.Select(label => model.Labels[label].Name),
                mean = Pick(result.Summary.Mean),
                max = Pick(result.Summary.Max),
                chunks = result.Chunks.Select(
                    chunk => new { start = chunk.StartSeconds, end = chunk.EndSeconds, scores = Pick(chunk.Scores) }),
                events = result.Events.Select(sound => new
                {
                    label_id = model.Labels[sound.Label].Id,
                    label = model.Labels[sound.Label].Name,
                    onset_seconds = sound.OnsetSeconds,
                    offset_seconds = sound.OffsetSeconds,
                    peak_score = sound.Peak,
                    mean_score = sound.Mean,
                    event_id = sound.Id,
                }),
            },
            Scores.Json);
        Console.Out.WriteLine();
    }
}

/// <summary>One row per recording and label.</summary>
internal sealed class CsvTagWriter(DassModel model, int? top) : TagWriter
{
    private bool _headerWritten;

    public override void Write(FoundRecording recording, TaggedRecording result)
    {
        if (!_headerWritten)
        {
            Console.Out.WriteLine("file,label,mean,max");
            _headerWritten = true;
        }
        foreach (var label in result.Summary.Chunks > 0 ? Labels(model, result, top) : [])
        {
            var (name, mean, max) = (model.Labels[label].Name, result.Summary.Mean[label], result.Summary.Max[label]);
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{Scores.Csv(result.File)},{Scores.Csv(name)},{mean:R},{max:R}"));
        }
    }
}
