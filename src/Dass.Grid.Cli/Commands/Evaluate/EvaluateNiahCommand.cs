using System.CommandLine;
using System.Text.Json;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Output;
using Dass.Grid.Evaluation;
using Dass.Grid.Evaluation.Niah;
using Dass.Grid.Evaluation.Plots;
using Spectre.Console;

namespace Dass.Grid.Cli.Commands.Evaluate;

/// <summary><c>dass evaluate niah</c>: audio needle in a haystack.</summary>
internal static class EvaluateNiahCommand
{
    private const int MaxNoiseSamples = 600 * 16_000;
    private const string Header = "length_seconds,haystack,snr_db,position,method,map,retention,false_alarms_per_hour,reset_seconds";

    public static Command Create()
    {
        var precision = Options.Precision();
        var (data, fold, model, format, plot) =
            (EvaluateCommand.Data(), EvaluateCommand.Fold(), Options.Model(), Options.Format(), EvaluateCommand.Plot());
        var lengths = Options.Durations(
            "--lengths", "Lengths of the recordings, the needle's 10.24 s among them", "10s,20s,50s,100s,200s,300s");
        var kind = Options.Word("--haystack", "What surrounds the needle.", HaystackKind.Zeros);
        var snr = Options.Numbers("--snr", "Decibels that the haystack lies below the needle", -60, 100, "10");
        var position = Options.Numbers("--position", "Where the needle lies, 0 (begin) to 1 (end)", 0, 1, "0,0.25,0.5,0.75,1");
        var babble = new Option<string?>("--babble") { HelpName = "FILE", Description = "Recording that is tiled for --haystack babble." };
        var needles = Options.Whole(
            "--needles", "Needles per label, the first of each in the data's order (default: all),", 1, 1_000_000, null);
        var reset = new Option<TimeSpan?[]>("--reset")
        {
            HelpName = "DURATIONS",
            Description =
                "How long the recurrent state is carried before it begins anew, rounded up to chunks; none: for ever (default: none).",
            DefaultValueFactory = _ => [null],
            CustomParser = result => Resets(result),
        };
        var (chunk, lookAhead) = (Options.Chunk(), Options.LookAhead());
        var csv = new Option<string?>("--csv")
        {
            HelpName = "FILE",
            Description = "Also writes each row to a file as soon as it is known.",
        };
        var command = new Command(
            "niah",
            "Hides every recording in a longer one and asks whether it is still heard: by the mean over all (the paper's way), "
            + "by windows, by contrast.")
        {
            data, fold, model, precision, lengths, kind, babble, snr, position, reset, needles, chunk, lookAhead, csv, plot, format,
        };
        command.Validators.Add(result =>
        {
            if (result.ValueOr(kind, HaystackKind.White) == HaystackKind.Babble && result.GetValue(babble) is null)
            {
                result.AddError("--haystack babble needs --babble FILE, the recording that is tiled.");
            }
        });
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var engine = await EvaluateCommand.StartAsync(
                parsed.GetValue(model), parsed.GetValue(precision), cancellationToken).ConfigureAwait(false);
            var files = EvaluateCommand.Read(parsed.GetValue(data)!, engine, parsed.GetValue(fold) ?? []);
            files = parsed.GetValue(needles) is { } perLabel ? files.First(perLabel) : files;
            var noise = parsed.GetValue(babble) is { } path
                ? await StreamedInference.DecodeAsync(path, MaxNoiseSamples, cancellationToken).ConfigureAwait(false)
                : [];
            var options = new NiahOptions(
                parsed.GetValue(lengths)!, parsed.GetValue(kind), parsed.GetValue(snr)!, parsed.GetValue(position)!, noise)
            {
                Resets = parsed.GetValue(reset)!,
            };
            var session = Options.Session(parsed, chunk, lookAhead);
            var rows = new List<NiahRow>();
            // A row is on the disk as soon as it is known: long runs are interrupted.
            await using var table = parsed.GetValue(csv) is { } file ? new StreamWriter(file) { AutoFlush = true } : null;
            table?.WriteLine(Header);
            await Terminal.ProgressAsync("needles", async progress =>
            {
                var test = NiahTest.RunAsync(engine, files, options, session, progress, cancellationToken);
                await foreach (var row in test.ConfigureAwait(false))
                {
                    rows.Add(row);
                    table?.WriteLine(Csv(row));
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

    private static string Csv(NiahRow row) =>
        FormattableString.Invariant($"{row.LengthSeconds},{row.Haystack},{row.SnrDb},{row.Position},{row.Method},{row.Map:R},")
        + FormattableString.Invariant($"{row.Retention:R},{row.FalseAlarmsPerHour:R},{row.ResetSeconds}");

    private static TimeSpan?[]? Resets(System.CommandLine.Parsing.ArgumentResult result)
    {
        var resets = new List<TimeSpan?>();
        foreach (var part in result.Tokens[0].Value.Split(','))
        {
            var time = TimeSpan.Zero;
            if (part != "none" && !(Options.TryParseDuration(part, out time) && time > TimeSpan.Zero && time <= TimeSpan.FromDays(30)))
            {
                result.AddError(
                    $"--reset is '{result.Tokens[0].Value}'; it must be none or durations above 0, up to 720h, such as none,10s,5m.");
                return null;
            }
            resets.Add(part == "none" ? null : time);
        }
        return [.. resets];
    }

    private static void Write(List<NiahRow> rows, OutputFormat format)
    {
        if (format == OutputFormat.Json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(new
            {
                rows = rows.Select(row => new
                {
                    length_seconds = row.LengthSeconds,
                    haystack = row.Haystack,
                    snr_db = row.SnrDb,
                    position = row.Position,
                    method = row.Method,
                    map = row.Map,
                    retention = row.Retention,
                    false_alarms_per_hour = row.FalseAlarmsPerHour,
                    reset_seconds = row.ResetSeconds,
                }),
            }));
            return;
        }
        if (format == OutputFormat.Csv)
        {
            Console.Out.WriteLine(Header);
            rows.ForEach(row => Console.Out.WriteLine(Csv(row)));
            return;
        }
        var table = Terminal.NewTable()
            .AddColumns("length", "SNR, dB", "position", "reset", "method", "mAP", "retention", "false alarms per hour");
        rows.ForEach(row => table.AddRow(
            EvaluateCommand.Text(row.LengthSeconds, "0.##") + " s",
            EvaluateCommand.Text(row.SnrDb, "0.#"),
            EvaluateCommand.Text(row.Position, "0.00"),
            row.ResetSeconds is { } reset ? EvaluateCommand.Text(reset, "0.##") + " s" : "none",
            row.Method,
            EvaluateCommand.Text(row.Map),
            EvaluateCommand.Text(100 * row.Retention, "0.0") + " %",
            EvaluateCommand.Text(row.FalseAlarmsPerHour, "0.00")));
        AnsiConsole.Write(table);
    }
}
