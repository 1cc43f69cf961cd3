using System.CommandLine;
using Dass.Grid.Cli.Output;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Evaluation;
using Dass.Grid.Evaluation.Data;

namespace Dass.Grid.Cli.Commands.Evaluate;

/// <summary><c>dass evaluate</c>: how well a model hears, by the field's metrics.</summary>
internal static class EvaluateCommand
{
    public static Command Create() => new("evaluate", "How well a model hears, on recordings with labels.")
    {
        EvaluateTagsCommand.Create(),
        EvaluateEventsCommand.Create(),
        EvaluateNiahCommand.Create(),
        EvaluateLatencyCommand.Create(),
    };

    public static Option<string> Data() => new("--data")
    {
        Required = true,
        HelpName = "CSV",
        Description =
            "Recordings: columns file, labels (separated by ;) or audioset_label, where known onset and offset in seconds, and fold.",
    };

    public static Option<int[]> Fold() =>
        new("--fold") { HelpName = "N", Description = "Only recordings of this fold; may be given several times (default: all)." };

    public static Option<string?> Plot() => new("--plot") { HelpName = "FILE.png", Description = "Also writes a picture." };

    /// <summary>An engine; what a person must know of its model is written to standard error, unless it has been.</summary>
    public static async Task<StreamEngine> StartAsync(
        string? model, StepPrecision precision, CancellationToken cancellationToken, bool isNoted = false)
    {
        var engine = await StreamedInference.StartAsync(model, precision, cancellationToken).ConfigureAwait(false);
        Terminal.Note(isNoted ? null : engine.Model.Note);
        return engine;
    }

    public static EvaluationSet Read(string path, StreamEngine engine, int[] folds, bool needsLabels = true) =>
        EvaluationSet.Read(path, engine.Model.Labels, folds, needsLabels);

    /// <summary>JSON has no NaN.</summary>
    public static double? Number(double value) => double.IsFinite(value) ? value : null;

    public static string Text(double value, string format = "0.000") =>
        double.IsFinite(value) ? value.ToString(format, System.Globalization.CultureInfo.InvariantCulture) : "-";
}
