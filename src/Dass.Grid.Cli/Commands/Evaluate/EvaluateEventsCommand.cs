using System.CommandLine;
using System.Text.Json;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Output;
using Dass.Grid.Evaluation.Events;
using Spectre.Console;

namespace Dass.Grid.Cli.Commands.Evaluate;

/// <summary><c>dass evaluate events</c>: onsets and offsets.</summary>
internal static class EvaluateEventsCommand
{
    public static Command Create()
    {
        var precision = Options.Precision();
        var (data, fold, model, format) = (EvaluateCommand.Data(), EvaluateCommand.Fold(), Options.Model(), Options.Format());
        var (chunk, lookAhead) = (Options.Chunk(), Options.LookAhead());
        var threshold = Options.Numbers(
            "--threshold", "Chunk score that a sound must reach, for F1, false detections and delay", 0, 1, "0.5");
        var command = new Command(
            "events",
            "Event-based F1 with its best thresholds, PSDS 1 and 2, and the delay of detection, on recordings with onsets and offsets; and "
            + "false events an hour of all labels that the model offers, on any recordings.")
        {
            data, fold, model, precision, chunk, lookAhead, threshold, format,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var engine = await EvaluateCommand.StartAsync(
                parsed.GetValue(model), parsed.GetValue(precision), cancellationToken).ConfigureAwait(false);
            var files = EvaluateCommand.Read(parsed.GetValue(data)!, engine, parsed.GetValue(fold) ?? [], needsLabels: false);
            var options = Options.Session(parsed, chunk, lookAhead);
            float[] thresholds = [.. parsed.GetValue(threshold)!.Select(value => (float)value)];
            var reports = await Terminal.ProgressAsync(
                "recordings",
                progress => EventEvaluation.RunAsync(
                    engine, files, thresholds, options, progress, cancellationToken)).ConfigureAwait(false);
            Write(reports, parsed.GetValue(format));
            return Invocation.Success;
        });
        return command;
    }

    private static void Write(EventReports reports, OutputFormat format)
    {
        if (format == OutputFormat.Json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(Json(reports), Scores.Json));
            return;
        }
        if (format == OutputFormat.Csv)
        {
            Console.Out.WriteLine("threshold,f1,psds1,psds2,detected,false_per_hour,delay_seconds,offered_false_per_hour");
            foreach (var row in reports.Rows)
            {
                Console.Out.WriteLine(
                    FormattableString.Invariant($"{row.Threshold},{row.F1:R},{row.Psds1:R},{row.Psds2:R},{row.Detected:R},")
                    + FormattableString.Invariant($"{row.FalsePerHour:R},{row.DelaySeconds:R},{row.OfferedFalsePerHour:R}"));
            }
            return;
        }
        var table = Terminal.NewTable().AddColumns(
            "threshold", "event F1", "PSDS 1", "PSDS 2", "detected", "false an hour", "delay, s", "of all offered labels");
        foreach (var row in reports.Rows)
        {
            table.AddRow(
                EvaluateCommand.Text(row.Threshold, "0.00"), EvaluateCommand.Text(row.F1), EvaluateCommand.Text(row.Psds1),
                EvaluateCommand.Text(row.Psds2), EvaluateCommand.Text(row.Detected), EvaluateCommand.Text(row.FalsePerHour, "0"),
                EvaluateCommand.Text(row.DelaySeconds, "0.00"), EvaluateCommand.Text(row.OfferedFalsePerHour, "0.0"));
        }
        AnsiConsole.Write(table);
        var best = Terminal.NewTable().AddColumns("label", "best threshold", "event F1");
        var labels = reports.BestByLabel.Select(label => (Markup.Escape(label.Label.Name), label.Best));
        foreach (var (name, at) in labels.Prepend(("all", reports.Best)))
        {
            best.AddRow(name, EvaluateCommand.Text(at.Threshold, "0.00"), EvaluateCommand.Text(at.F1));
        }
        AnsiConsole.Write(best);
    }

    private static object Json(EventReports reports) => new
    {
        rows = reports.Rows.Select(row => new
        {
            threshold = row.Threshold,
            f1 = EvaluateCommand.Number(row.F1),
            psds1 = EvaluateCommand.Number(row.Psds1),
            psds2 = EvaluateCommand.Number(row.Psds2),
            detected = EvaluateCommand.Number(row.Detected),
            false_per_hour = row.FalsePerHour,
            delay_seconds = EvaluateCommand.Number(row.DelaySeconds),
            offered_false_per_hour = row.OfferedFalsePerHour,
        }),
        best = new
        {
            threshold = Number(reports.Best.Threshold),
            f1 = EvaluateCommand.Number(reports.Best.F1),
            labels = reports.BestByLabel.Select(label => new
            {
                name = label.Label.Name,
                id = label.Label.Id,
                threshold = Number(label.Best.Threshold),
                f1 = label.Best.F1,
            }),
        },
    };

    /// <summary>As <see cref="EvaluateCommand.Number"/>, without the digits that a double would add.</summary>
    private static float? Number(float value) => float.IsFinite(value) ? value : null;
}
