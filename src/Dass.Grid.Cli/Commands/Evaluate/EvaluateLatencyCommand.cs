using System.CommandLine;
using System.Text.Json;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Output;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Evaluation.Latency;
using Dass.Grid.Evaluation.Plots;
using Spectre.Console;

namespace Dass.Grid.Cli.Commands.Evaluate;

/// <summary><c>dass evaluate latency</c>: what being early costs.</summary>
internal static class EvaluateLatencyCommand
{
    public static Command Create()
    {
        var precision = Options.Precision();
        precision.Description = "How products are computed: fp32 or int8 alone (default: both).";
        var (data, fold, model, format, plot) =
            (EvaluateCommand.Data(), EvaluateCommand.Fold(), Options.Model(), Options.Format(), EvaluateCommand.Plot());
        var chunks = Options.Durations("--chunks", "Chunks, multiples of 0.32s", "0.32s,0.64s,0.96s,1.92s");
        var lookAheads = Options.Durations("--look-aheads", "Look-aheads, multiples of 0.01s", "0s,0.32s,0.64s,1.28s");
        var command = new Command(
            "latency",
            "Delay, processor time, streams per core and loss of mAP for chunks and look-aheads, beside offline and a window of "
            + "10.24 s heard anew at every hop. A recording's score is the mean over chunks or hops of the scores of the last "
            + "10.24 s; offline it is the whole recording's.")
        {
            data, fold, model, precision, chunks, lookAheads, plot, format,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            StepPrecision[] precisions =
                parsed.GetResult(precision) is null ? [StepPrecision.Fp32, StepPrecision.Int8] : [parsed.GetValue(precision)];
            var (steps, contexts) = (parsed.GetValue(chunks)!, parsed.GetValue(lookAheads)!);
            var (all, rows) = (precisions.Length * (1 + steps.Length * (1 + contexts.Length)), new List<LatencyRow>());
            await Terminal.ProgressAsync("ways to hear", async progress =>
            {
                foreach (var each in precisions)
                {
                    await using var engine = await EvaluateCommand.StartAsync(
                        parsed.GetValue(model), each, cancellationToken, isNoted: rows.Count > 0).ConfigureAwait(false);
                    var files = EvaluateCommand.Read(parsed.GetValue(data)!, engine, parsed.GetValue(fold) ?? []);
                    var study = LatencyStudy.RunAsync(engine, files, steps, contexts, cancellationToken);
                    await foreach (var row in study.ConfigureAwait(false))
                    {
                        rows.Add(row);
                        progress?.Report((double)rows.Count / all);
                    }
                }
                return true;
            }).ConfigureAwait(false);
            Write(rows, parsed.GetValue(format));
            if (parsed.GetValue(plot) is { } picture)
            {
                ResultPlots.Save(rows, picture);
            }
            return Invocation.Success;
        });
        return command;
    }

    private static void Write(List<LatencyRow> rows, OutputFormat format)
    {
        if (format == OutputFormat.Json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(new
            {
                rows = rows.Select(row => new
                {
                    precision = row.Precision,
                    way = row.Way,
                    chunk_seconds = EvaluateCommand.Number(row.ChunkSeconds),
                    look_ahead_seconds = EvaluateCommand.Number(row.LookAheadSeconds),
                    delay_seconds = EvaluateCommand.Number(row.DelaySeconds),
                    cost_ms_per_second = row.CostMilliseconds,
                    streams_per_core = row.StreamsPerCore,
                    map = row.Map,
                    loss = row.Loss,
                }),
            }));
            return;
        }
        if (format == OutputFormat.Csv)
        {
            Console.Out.WriteLine(
                "way,chunk_seconds,look_ahead_seconds,delay_seconds,cost_ms_per_second,map,loss,precision,streams_per_core");
            rows.ForEach(row => Console.Out.WriteLine(
                FormattableString.Invariant($"{row.Way},{row.ChunkSeconds},{row.LookAheadSeconds},{row.DelaySeconds},")
                + FormattableString.Invariant($"{row.CostMilliseconds:R},{row.Map:R},{row.Loss:R},")
                + FormattableString.Invariant($"{row.Precision},{row.StreamsPerCore:R}")));
            return;
        }
        var table = Terminal.NewTable()
            .AddColumns(
                "precision", "way", "chunk, s", "look-ahead, s", "delay, s", "ms per s of audio", "streams per core", "mAP",
                "below offline");
        rows.ForEach(row => table.AddRow(
            row.Precision,
            row.Way,
            EvaluateCommand.Text(row.ChunkSeconds, "0.00"),
            EvaluateCommand.Text(row.LookAheadSeconds, "0.00"),
            EvaluateCommand.Text(row.DelaySeconds, "0.00"),
            EvaluateCommand.Text(row.CostMilliseconds, "0.00"),
            EvaluateCommand.Text(row.StreamsPerCore, "0"),
            EvaluateCommand.Text(row.Map),
            EvaluateCommand.Text(row.Loss)));
        AnsiConsole.Write(table);
    }
}
