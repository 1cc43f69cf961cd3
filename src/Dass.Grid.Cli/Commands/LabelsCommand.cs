using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Grid;
using Dass.Grid.Cli.Output;
using Dass.Grid.Engine.Model;
using Dass.Grid.V1;
using Spectre.Console;

namespace Dass.Grid.Cli.Commands;

/// <summary><c>dass labels</c>: the sounds that a model offers, with the evidence for each.</summary>
internal static class LabelsCommand
{
    public static Command Create()
    {
        var (grid, keyFile) = (Options.Grid("none, the model is read here"), Options.KeyFile());
        var (model, format) = (Options.GridModel(), Options.Format());
        var all = new Option<bool>("--all") { Description = "Also the labels that the model computes and does not offer." };
        var command = new Command("labels", "Lists the sounds that a model offers, with the evidence for each.")
        {
            model, grid, keyFile, all, format,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var labels = parsed.GetValue(grid) is { } address
                ? await AskAsync(address, parsed.GetValue(keyFile), parsed.GetValue(model), cancellationToken).ConfigureAwait(false)
                : Read(parsed.GetValue(model));
            Write([.. labels.Where(label => label.Offered || parsed.GetValue(all))], parsed.GetValue(format));
            return Invocation.Success;
        });
        return command;
    }

    private static async Task<IEnumerable<LabelRow>> AskAsync(
        Uri address, string? keyFile, string? model, CancellationToken cancellationToken)
    {
        await using var connection = GridConnection.Open(address, keyFile);
        var answer = await connection.Client.Tagging.ListLabelsAsync(
            new ListLabelsRequest { Model = model ?? "" }, cancellationToken: cancellationToken).ConfigureAwait(false);
        Terminal.Note(answer.Model.Note);
        // A grid of an earlier version does not say what it offers: then it is all.
        var says = answer.Labels.Any(label => label.Offered);
        return answer.Labels.Select(label => new LabelRow(
            label.Index, label.Id, label.Name, label.Offered || !says, label.Evidence.Length > 0 ? label.Evidence : null, label.Auc,
            label.Clips, label.Background));
    }

    private static IEnumerable<LabelRow> Read(string? directory)
    {
        var model = directory is null ? DassModel.LoadBuiltIn() : DassModel.Load(directory);
        Terminal.Note(model.Note);
        return model.Labels.All.Select(label => new LabelRow(
            label.Index, label.Id, label.Name, label.IsOffered, label.Evidence?.Kind.ToString().ToLowerInvariant(),
            label.Evidence?.Auc ?? 0, label.Evidence?.Clips ?? 0, label.IsBackground));
    }

    private static void Write(LabelRow[] labels, OutputFormat format)
    {
        switch (format)
        {
            case OutputFormat.Json:
                Array.ForEach(labels, label => Console.Out.WriteLine(JsonSerializer.Serialize(
                    new
                    {
                        index = label.Index,
                        id = label.Id,
                        name = label.Name,
                        offered = label.Offered,
                        evidence = label.Evidence,
                        auc = label.Evidence is null ? default(double?) : label.Auc,
                        clips = label.Evidence is null ? default(int?) : label.Clips,
                        background = label.Background,
                    },
                    Scores.Json)));
                break;
            case OutputFormat.Csv:
                Console.Out.WriteLine("index,id,name,offered,evidence,auc,clips,background");
                Array.ForEach(labels, label => Console.Out.WriteLine(
                    $"{label.Index},{Scores.Csv(label.Id)},{Scores.Csv(label.Name)},{Text(label.Offered)},{label.Evidence},"
                    + $"{label.AucText("R")},{label.ClipsText},{Text(label.Background)}"));
                break;
            default:
                var table = Terminal.NewTable().AddColumns("index", "label", "id", "evidence", "AUC", "clips", "");
                Array.ForEach(labels, label => table.AddRow(
                    $"{label.Index}", Markup.Escape(label.Name), Markup.Escape(label.Id), label.Evidence ?? "-", label.AucText("0.000"),
                    label.ClipsText, label.Background ? "background" : label.Offered ? "" : "hidden"));
                AnsiConsole.Write(table);
                break;
        }
    }

    private static string Text(bool value) => value ? "true" : "false";

    /// <summary>One label; AUC and clips mean something only when there is evidence.</summary>
    private sealed record LabelRow(
        int Index, string Id, string Name, bool Offered, string? Evidence, double Auc, int Clips, bool Background)
    {
        public string ClipsText => Evidence is null ? "" : $"{Clips}";

        public string AucText(string format) => Evidence is null ? "" : Auc.ToString(format, CultureInfo.InvariantCulture);
    }
}
