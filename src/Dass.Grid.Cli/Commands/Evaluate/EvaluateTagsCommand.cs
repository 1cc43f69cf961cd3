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
        var (data, fold, model, format) = (EvaluateCommand.Data(), EvaluateCommand.Fold(), Options.Model(), Options.Format());
        var (chunk, lookAhead) = (Options.Chunk(), Options.LookAhead());
        var command = new Command("tags", "mAP, AUC, d-prime, lwlrap and top-1 of whole recordings, offline and streaming.")
        {
            data, fold, model, chunk, lookAhead, format,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var engine = await EvaluateCommand.StartAsync(parsed.GetValue(model), cancellationToken).ConfigureAwait(false);
            var files = EvaluateCommand.Read(parsed.GetValue(data)!, engine, parsed.GetValue(fold) ?? []);
            var options = Options.Session(parsed, chunk, lookAhead);
            var offline = await Terminal.ProgressAsync(
                "offline",
                progress => TagEvaluation.RunAsync(
                    engine, files, new StreamSessionOptions { Offline = true }, progress, cancellationToken)).ConfigureAwait(false);
            var streaming = await Terminal.ProgressAsync(
                "streaming", progress => TagEvaluation.RunAsync(engine, files, options, progress, cancellationToken)).ConfigureAwait(false);
            Write(offline, streaming, parsed.GetValue(format));
            return Invocation.Success;
        });
        return command;
    }

    private static void Write(TagReport offline, TagReport streaming, OutputFormat format)
    {
        switch (format)
        {
            case OutputFormat.Json:
                Console.Out.WriteLine(JsonSerializer.Serialize(new { offline = Json(offline), streaming = Json(streaming) }, Scores.Json));
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
                foreach (var (name, figure) in (ReadOnlySpan<(string, Func<TagReport, double>)>)[
                    ("mAP", report => report.Map), ("AUC", report => report.Auc), ("d-prime", report => report.DPrime),
                    ("lwlrap", report => report.LwLrap), ("top-1", report => report.Top1)])
                {
                    figures.AddRow(name, EvaluateCommand.Text(figure(offline)), EvaluateCommand.Text(figure(streaming)));
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

    private static object Json(TagReport report) => new
    {
        map = EvaluateCommand.Number(report.Map),
        auc = EvaluateCommand.Number(report.Auc),
        d_prime = EvaluateCommand.Number(report.DPrime),
        lwlrap = EvaluateCommand.Number(report.LwLrap),
        top1 = report.Top1,
        labels = report.Labels.Select(label => new
        {
            name = label.Label.Name,
            id = label.Label.Id,
            files = label.Files,
            average_precision = EvaluateCommand.Number(label.AveragePrecision),
            auc = EvaluateCommand.Number(label.Auc),
            lwlrap = EvaluateCommand.Number(label.LwLrap),
        }),
    };
}
