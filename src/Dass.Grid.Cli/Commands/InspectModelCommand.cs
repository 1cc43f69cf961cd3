using System.CommandLine;
using System.Text.Json;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Output;
using Dass.Grid.Engine.Model;
using Spectre.Console;

namespace Dass.Grid.Cli.Commands;

/// <summary><c>dass inspect-model DIR</c>: what a model directory holds, or everything that is wrong with it.</summary>
internal static class InspectModelCommand
{
    public static Command Create()
    {
        var directory = new Argument<string?>("DIR")
        {
            Description = "Model directory (default: the built-in model).",
            Arity = ArgumentArity.ZeroOrOne,
        }.RefusingOptions();
        var format = Options.Format();
        var command = new Command("inspect-model", "Shows what a model directory holds, or every problem with it.") { directory, format };
        command.SetAction(parsed => Run(parsed.GetValue(directory), parsed.GetValue(format)));
        return command;
    }

    private static int Run(string? directory, OutputFormat format)
    {
        var model = directory is null ? DassModel.LoadBuiltIn() : DassModel.Load(directory);
        var (config, state) = (model.Config, new StateLayout(model.Config));
        (string Name, object Value)[] facts =
        [
            ("model", model.Name),
            ("hash", model.Hash),
            ("parameters", model.ParameterCount),
            ("dims", config.Dims.ToArray()),
            ("depths", config.Depths.ToArray()),
            ("labels", config.LabelCount),
            ("labels_offered", model.Labels.Offered.Count()),
            ("mel_bins", config.MelBins),
            ("window_seconds", config.WindowFrames / 100.0),
            ("feature_mean", config.FeatureMean),
            ("feature_std", config.FeatureStd),
            ("state_floats", state.Length),
            ("state_bytes", state.Length * sizeof(float)),
            ("note", model.Note ?? ""),
        ];
        switch (format)
        {
            case OutputFormat.Json:
                Console.Out.WriteLine(JsonSerializer.Serialize(facts.ToDictionary(fact => fact.Name, fact => fact.Value), Scores.Json));
                break;
            case OutputFormat.Csv:
                Console.Out.WriteLine("field,value");
                foreach (var (name, value) in facts)
                {
                    Console.Out.WriteLine($"{name},{Scores.Csv(Text(value))}");
                }
                break;
            default:
                var table = Terminal.NewTable().HideHeaders().AddColumns("field", "value");
                foreach (var (name, value) in facts)
                {
                    table.AddRow(name.Replace('_', ' '), Markup.Escape(Text(value)));
                }
                AnsiConsole.Write(table);
                break;
        }
        return Invocation.Success;
    }

    private static string Text(object value) =>
        value is int[] numbers ? string.Join("-", numbers) : FormattableString.Invariant($"{value}");
}
