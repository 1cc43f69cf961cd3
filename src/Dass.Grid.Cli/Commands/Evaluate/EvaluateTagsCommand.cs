using System.CommandLine;
using System.Text.Json;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Output;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Evaluation.Tags;
using Spectre.Console;

namespace Dass.Grid.Cli.Commands.Evaluate;

/// <summary><c>dass evaluate tags</c>: offline and streaming side by side.</summary>
internal static class EvaluateTagsCommand
{
    public static Command Create()
    {
        var precision = Options.Precision();
        var (data, fold, model, format) = (EvaluateCommand.Data(), EvaluateCommand.Fold(), Options.Model(), Options.Format());
        var (chunk, lookAhead) = (Options.Chunk(), Options.LookAhead());
        var resamples = Options.Whole("--resamples", "Resamples of the recordings for intervals; 0: no intervals,", 0, 100_000, 1_000);
        var seed = Options.Whole("--seed", "Of the resamples,", 0, int.MaxValue, 1);
        var command = new Command("tags", "mAP, AUC, d-prime, lwlrap and top-1 of whole recordings, offline and streaming.")
        {
            data, fold, model, precision, chunk, lookAhead, resamples, seed, format,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var engine = await EvaluateCommand.StartAsync(
                parsed.GetValue(model), parsed.GetValue(precision), cancellationToken).ConfigureAwait(false);
            var files = EvaluateCommand.Read(parsed.GetValue(data)!, engine, parsed.GetValue(fold) ?? []);
            var options = Options.Session(parsed, chunk, lookAhead);
            var (draws, from) = (parsed.GetValue(resamples)!.Value, parsed.GetValue(seed)!.Value);
            Task<TagReport> RunAsync(string name, StreamSessionOptions way) => Terminal.ProgressAsync(
                name, progress => TagEvaluation.RunAsync(engine, files, way, draws, from, progress, cancellationToken));
            var offline = await RunAsync("offline", new StreamSessionOptions { Offline = true }).ConfigureAwait(false);
            var streaming = await RunAsync("streaming", options).ConfigureAwait(false);
            Write(offline, streaming, engine.Model.Labels.Offered.Count(), parsed.GetValue(format));
            return Invocation.Success;
        });
        return command;
    }

    private static void Write(TagReport offline, TagReport streaming, int offered, OutputFormat format)
    {
        switch (format)
        {
            case OutputFormat.Json:
                Console.Out.WriteLine(JsonSerializer.Serialize(
                    new { labels_offered = offered, offline = Json(offline), streaming = Json(streaming) }, Scores.Json));
                break;
            case OutputFormat.Csv:
                Console.Out.WriteLine("way,label,files,average_precision,auc,lwlrap");
                foreach (var (way, report) in (ReadOnlySpan<(string, TagReport)>)[("offline", offline), ("streaming", streaming)])
                {
                    foreach (var label in report.Labels)
                    {
                        Console.Out.WriteLine(
                            FormattableString.Invariant($"{way},{Scores.Csv(label.Label.Name)},{label.Files},")
                            + FormattableString.Invariant($"{label.AveragePrecision:R},{label.Auc:R},{label.LwLrap:R}"));
                    }
                }
                break;
            default:
                var figures = Terminal.NewTable().AddColumn("").AddColumn("offline").AddColumn("streaming");
                foreach (var (name, figure, interval) in Figures)
                {
                    figures.AddRow(name, Text(offline, figure, interval), Text(streaming, figure, interval));
                }
                AnsiConsole.Write(figures);
                var labels = Terminal.NewTable().AddColumn("label").AddColumn("files").AddColumn("AP offline").AddColumn("AP streaming");
                foreach (var (one, other) in offline.Labels.Zip(streaming.Labels))
                {
                    labels.AddRow(
                        Markup.Escape(one.Label.Name), $"{one.Files}", EvaluateCommand.Text(one.AveragePrecision),
                        EvaluateCommand.Text(other.AveragePrecision));
                }
                AnsiConsole.Write(labels);
                break;
        }
    }

    /// <summary>The figures over all labels, and where their intervals are.</summary>
    private static readonly (string Name, Func<TagReport, double> Figure, Func<TagIntervals, Interval>? Interval)[] Figures =
    [
        ("mAP", report => report.Map, intervals => intervals.Map), ("AUC", report => report.Auc, intervals => intervals.Auc),
        ("d-prime", report => report.DPrime, null), ("lwlrap", report => report.LwLrap, intervals => intervals.LwLrap),
        ("top-1", report => report.Top1, intervals => intervals.Top1),
    ];

    private static string Text(TagReport report, Func<TagReport, double> figure, Func<TagIntervals, Interval>? interval) =>
        EvaluateCommand.Text(figure(report)) + (interval is not null && report.Intervals is { } intervals
            ? $" ({EvaluateCommand.Text(interval(intervals).Low)} to {EvaluateCommand.Text(interval(intervals).High)})"
            : "");

    private static double?[] Json(Interval interval) => [EvaluateCommand.Number(interval.Low), EvaluateCommand.Number(interval.High)];

    private static object Json(TagReport report) => new
    {
        map = EvaluateCommand.Number(report.Map),
        auc = EvaluateCommand.Number(report.Auc),
        d_prime = EvaluateCommand.Number(report.DPrime),
        lwlrap = EvaluateCommand.Number(report.LwLrap),
        top1 = report.Top1,
        intervals = report.Intervals is not { } intervals ? null : new
        {
            map = Json(intervals.Map), auc = Json(intervals.Auc), lwlrap = Json(intervals.LwLrap), top1 = Json(intervals.Top1),
        },
        labels = report.Labels.Select(label => new
        {
            name = label.Label.Name,
            id = label.Label.Id,
            files = label.Files,
            clips = label.Files,
            evidence = label.Label.Evidence?.Kind.ToString().ToLowerInvariant(),
            average_precision = EvaluateCommand.Number(label.AveragePrecision),
            auc = EvaluateCommand.Number(label.Auc),
            lwlrap = EvaluateCommand.Number(label.LwLrap),
        }),
    };
}
