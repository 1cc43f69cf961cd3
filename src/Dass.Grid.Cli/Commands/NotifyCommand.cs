using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Grid;
using Dass.Grid.Cli.Output;
using Dass.Grid.Notify.Routes;
using Dass.Grid.Notify.Rules;
using Grpc.Core;
using Spectre.Console;

namespace Dass.Grid.Cli.Commands;

/// <summary><c>dass notify</c>: events become messages by rules.</summary>
internal static class NotifyCommand
{
    private enum NotifyFormat
    {
        Table,
        Json,
    }

    public static Command Create()
    {
        var file = new Argument<string>("RULES.json")
        {
            Description = "{\"destinations\": {\"chat\": {\"webhook\": \"https://…\"}}, \"rules\": [{\"name\": \"dogs\", \"labels\": "
                + "[\"Dog\"], \"to\": \"chat\"}]}; a destination has one of webhook, mqtt, command and file. "
                + "Is read again when it changes.",
        }.RefusingOptions();
        var (grid, keyFile) = (Options.Grid($"{Options.DefaultGrid}, where 'dass serve' answers"), Options.KeyFile());
        var format = Options.Word("--format", "table for people; json (one object per line) for programs.", NotifyFormat.Table);
        var interval = Options.Span(
            "--status-interval", "In a pipe: time between lines of a rule that has not changed.", TimeSpan.FromMinutes(1));
        var state = new Option<string?>("--state")
        {
            HelpName = "DIR",
            Description = "Directory for how far each rule is, for messages that wait and for dead letters "
                + "(default: one for each file of rules, below the user's ~/.local/state/dass-grid/notify).",
        };
        var check = new Option<bool>("--check")
        {
            Description = "Only say what is wrong with the file, and with its labels if the grid is there.",
        };
        var test = new Option<string?>("--test")
        {
            HelpName = "RULE",
            Description = "Only send a test message to the destinations of a rule.",
        };
        var dry = new Option<bool>("--dry-run") { Description = "Only show what events that the grid keeps would have sent." };
        var from = Options.Time("--from", $"With --dry-run, onset at or after: {Times.Examples} (default: a day before --to).");
        var to = Options.Time("--to", "With --dry-run, onset before (default: now).");
        var command = new Command("notify", "Sends messages about events by rules: to webhooks, MQTT, commands and files.")
        {
            file, grid, keyFile, format, interval, state, check, test, dry, from, to,
        };
        command.Validators.Add(result =>
        {
            if (((bool[])[result.GetValue(check), result.GetValue(test) is not null, result.GetValue(dry)]).Count(given => given) > 1)
            {
                result.AddError("--check, --test and --dry-run stand alone.");
            }
            if (!result.GetValue(dry) && (result.GetResult(from) ?? result.GetResult(to)) is not null)
            {
                result.AddError("--from and --to are for --dry-run; where a rule begins is its own field 'from'.");
            }
        });
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var path = parsed.GetValue(file)!;
            var isJson = parsed.GetValue(format) == NotifyFormat.Json;
            var rules = await RuleFile.ReadAsync(path, cancellationToken).ConfigureAwait(false);
            foreach (var warning in rules.Warnings)
            {
                Terminal.Note(warning);
            }
            if (parsed.GetValue(test) is { } name)
            {
                return await TestAsync(rules, name, isJson, cancellationToken).ConfigureAwait(false);
            }
            await using var connection = GridConnection.Open(parsed.GetValue(grid) ?? Options.DefaultGrid, parsed.GetValue(keyFile));
            if (parsed.GetValue(dry))
            {
                var end = parsed.GetValue(to) ?? TimeProvider.System.GetUtcNow();
                await DryRunAsync(connection, rules, parsed.GetValue(from) ?? end.AddDays(-1), end, isJson, cancellationToken)
                    .ConfigureAwait(false);
                return Invocation.Success;
            }
            var known = await IsKnownToAsync(connection, rules, cancellationToken).ConfigureAwait(false);
            if (parsed.GetValue(check))
            {
                var labels = known ? "" : " The grid is away: labels have not been checked.";
                Console.Out.WriteLine($"{path}: {rules.Names.Count} rules, nothing is wrong.{labels}");
                return Invocation.Success;
            }
            await RunAsync(
                connection, path, rules, parsed.GetValue(state) ?? NotifyOptions.DefaultStateDirectory(path), isJson,
                parsed.GetValue(interval), cancellationToken).ConfigureAwait(false);
            return Invocation.Success;
        });
        return command;
    }

    /// <returns>False: the grid is away, which a rule can wait for.</returns>
    private static async Task<bool> IsKnownToAsync(GridConnection grid, NotifyRules rules, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var warning in await NotifyService.CheckAsync(grid.Client, rules, cancellationToken).ConfigureAwait(false))
            {
                Terminal.Note(warning);
            }
            return true;
        }
        catch (RpcException away) when (away.StatusCode is StatusCode.Unavailable
            or StatusCode.DeadlineExceeded)
        {
            return false;
        }
    }

    private static async Task RunAsync(
        GridConnection grid, string path, NotifyRules rules, string state, bool isJson, TimeSpan interval,
        CancellationToken cancellationToken)
    {
        await using var service = new NotifyService(grid.Client, new NotifyOptions { StateDirectory = state, Note = Terminal.Note });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var showing = RouteView.ShowAsync(() => service.Reports, isJson, interval, TimeProvider.System, stop.Token);
        try
        {
            await service.RunAsync(path, rules, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await showing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        cancellationToken.ThrowIfCancellationRequested();
    }

    private static async Task<int> TestAsync(NotifyRules rules, string name, bool isJson, CancellationToken cancellationToken)
    {
        var failed = false;
        await foreach (var result in Trials.TestAsync(rules, name, cancellationToken).ConfigureAwait(false))
        {
            failed |= !result.Delivered;
            Console.Out.WriteLine(isJson
                ? JsonSerializer.Serialize(
                    new
                    {
                        rule = result.Rule, to = result.Destination, address = result.Shown, id = result.Id, sent = result.Delivered,
                        note = result.Reason,
                    },
                    Scores.Json)
                : $"{result.Destination} ({result.Shown}): "
                    + (result.Delivered ? $"has the test message {result.Id}." : $"does not have it: {result.Reason}"));
        }
        return failed ? Invocation.Failure : Invocation.Success;
    }

    private static async Task DryRunAsync(
        GridConnection grid, NotifyRules rules, DateTimeOffset from, DateTimeOffset to, bool isJson, CancellationToken cancellationToken)
    {
        var table = Terminal.NewTable().AddColumns("rule", "ended (UTC)", "seconds", "label", "peak", "stream", "to");
        var (sent, leftOut) = (0, new SortedDictionary<string, int>(StringComparer.Ordinal));
        await foreach (var (rule, names, kept, reason) in Trials.DryRunAsync(grid.Client, rules, from, to, cancellationToken)
            .ConfigureAwait(false))
        {
            if (isJson)
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(
                    new
                    {
                        rule,
                        to = names,
                        stream_id = kept.StreamId,
                        onset = kept.Onset.ToDateTime(),
                        offset = kept.Offset.ToDateTime(),
                        label = kept.Event.Label,
                        peak_score = kept.Event.PeakScore,
                        sent = reason.Length == 0,
                        left_out = reason,
                    },
                    Scores.Json));
            }
            if (reason.Length > 0)
            {
                leftOut[reason] = leftOut.GetValueOrDefault(reason) + 1;
                continue;
            }
            sent++;
            table.AddRow(
                Markup.Escape(rule),
                kept.Offset.ToDateTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture),
                (kept.Event.OffsetSeconds - kept.Event.OnsetSeconds).ToString("0.00", CultureInfo.InvariantCulture),
                Markup.Escape(kept.Event.Label), Scores.Text(kept.Event.PeakScore), Markup.Escape(kept.StreamId),
                Markup.Escape(string.Join(", ", names)));
        }
        if (!isJson)
        {
            AnsiConsole.Write(table);
            Terminal.Note(
                $"{sent} messages would have been sent; nothing was."
                + string.Concat(leftOut.Select(each => $" {each.Value} events were {each.Key}.")));
        }
    }
}
