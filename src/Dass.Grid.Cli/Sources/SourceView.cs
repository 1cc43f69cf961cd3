using System.Globalization;
using System.Text.Json;
using Dass.Grid.Cli.Output;
using Spectre.Console;

namespace Dass.Grid.Cli.Sources;

/// <summary>The status of all sources: a table that redraws itself for a person, lines or objects for a pipe.</summary>
internal static class SourceView
{
    /// <summary>Shows what <paramref name="reports"/> gives until it is told to stop.</summary>
    /// <param name="reports">All sources, now.</param>
    /// <param name="format">Table or json.</param>
    /// <param name="interval">Between lines of a source that has not changed.</param>
    /// <param name="clock">The time of day.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static Task ShowAsync(
        Func<IReadOnlyList<SourceReport>> reports, OutputFormat format, TimeSpan interval, TimeProvider clock,
        CancellationToken cancellationToken)
    {
        var view = new StatusView<SourceReport>(reports, clock);
        return format == OutputFormat.Table && Terminal.IsInteractive
            ? view.DrawAsync(Draw, cancellationToken)
            : view.WriteAsync(
                report => (report.Id, (report.State, report.Note)), (report, now) => Write(report, format, now), interval,
                cancellationToken);
    }

    public static string Name(SourceState state) => state switch
    {
        SourceState.NoGrid => "no grid",
        _ => state.ToString().ToLowerInvariant(),
    };

    private static Table Draw(IReadOnlyList<SourceReport> reports, DateTimeOffset now)
    {
        var table = Terminal.NewTable().AddColumns("source", "state")
            .AddColumn("last audio", column => column.RightAligned())
            .AddColumn("level", column => column.RightAligned())
            .AddColumn("restarts", column => column.RightAligned())
            .AddColumn("delay", column => column.RightAligned())
            .AddColumn("missing", column => column.RightAligned())
            .AddColumn("heard in the last 10 s");
        foreach (var report in reports)
        {
            var color = report.State switch
            {
                SourceState.Live or SourceState.Idle => "green", SourceState.Connecting or SourceState.Ended => "grey", _ => "yellow",
            };
            table.AddRow(
                Markup.Escape(report.Id), $"[{color}]{Name(report.State)}[/]", Ago(report, now), Level(report), $"{report.Restarts}",
                Seconds(report.Delay), Seconds(report.Missing), Markup.Escape(report.Note.Length > 0 ? report.Note : report.Heard));
        }
        return table;
    }

    private static void Write(SourceReport report, OutputFormat format, DateTimeOffset now)
    {
        if (format == OutputFormat.Json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(
                new
                {
                    time = now.UtcDateTime,
                    source = report.Id,
                    from = report.Shown,
                    state = Name(report.State),
                    last_audio = report.LastAudio?.UtcDateTime,
                    level_dbfs = report.LevelDb,
                    restarts = report.Restarts,
                    delay_seconds = report.Delay?.TotalSeconds,
                    missing_seconds = report.Missing.TotalSeconds,
                    left_out_seconds = report.LeftOut.TotalSeconds,
                    dropped_seconds = report.Dropped.TotalSeconds,
                    heard = report.Heard,
                    note = report.Note,
                },
                Scores.Json));
            return;
        }
        var time = now.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
        Console.Out.WriteLine(
            $"{time}  {report.Id}  {Name(report.State)}  last audio {Ago(report, now)}  level {Level(report)}  restarts {report.Restarts}"
            + $"  delay {Seconds(report.Delay)}  missing {Seconds(report.Missing)}  "
            + $"{(report.Note.Length > 0 ? report.Note : report.Heard)}");
    }

    private static string Ago(SourceReport report, DateTimeOffset now) =>
        report.LastAudio is not { } last ? "never" : (now - last).TotalSeconds is var ago && ago < 2 ? "now" : Long(now - last) + " ago";

    private static string Level(SourceReport report) =>
        report.LevelDb is { } level ? level.ToString("0", CultureInfo.InvariantCulture) + " dBFS" : "-";

    private static string Seconds(TimeSpan? span) => span is { } some ? Long(some) : "-";

    private static string Long(TimeSpan span) => span switch
    {
        { TotalSeconds: < 120 } => span.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture) + " s",
        { TotalMinutes: < 120 } => span.TotalMinutes.ToString("0", CultureInfo.InvariantCulture) + " min",
        _ => span.TotalHours.ToString("0.0", CultureInfo.InvariantCulture) + " h",
    };
}
