using System.CommandLine;
using System.Globalization;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Grid;
using Dass.Grid.Cli.Output;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Spectre.Console;

namespace Dass.Grid.Cli.Commands;

/// <summary><c>dass events</c>: the events that a grid keeps, as a table or as a file that other programs read.</summary>
internal static class EventsCommand
{
    private enum EventFormat
    {
        Table,
        Json,
        Csv,
        Audacity,
        Rttm,
        WebVtt,
    }

    public static Command Create()
    {
        var (grid, keyFile) = (Options.Grid($"{Options.DefaultGrid}, where 'dass serve' answers"), Options.KeyFile());
        var streams = new Option<string[]>("--stream-id")
        {
            HelpName = "ID",
            Description = "A stream; may be given several times (default: all).",
        };
        var prefix = new Option<string?>("--prefix") { HelpName = "TEXT", Description = "Streams whose ids begin so." };
        var labels = new Option<string[]>("--label")
        {
            HelpName = "LABEL",
            Description = "A label's name or id; may be given several times (default: all).",
        };
        var from = Time("--from", $"Onset at or after: {Times.Examples} (default: a day before --to).");
        var to = Time("--to", "Onset before (default: now).");
        var format = Options.Word(
            "--format",
            "table for people; json (one object per line), csv, audacity, rttm and webvtt for programs, the last three of one stream.",
            EventFormat.Table);
        var command = new Command("events", "Lists or exports the events that a grid keeps.")
        {
            grid, keyFile, streams, prefix, labels, from, to, format,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var connection = GridConnection.Open(parsed.GetValue(grid) ?? Options.DefaultGrid, parsed.GetValue(keyFile));
            var selection = new EventSelection
            {
                StreamIds = { parsed.GetValue(streams) ?? [] },
                Prefix = parsed.GetValue(prefix) ?? "",
                Labels = { parsed.GetValue(labels) ?? [] },
                From = parsed.GetValue(from) is { } begin ? Timestamp.FromDateTimeOffset(begin) : null,
                To = parsed.GetValue(to) is { } end ? Timestamp.FromDateTimeOffset(end) : null,
            };
            await (parsed.GetValue(format) switch
            {
                EventFormat.Table => ListAsync(connection, selection, cancellationToken),
                EventFormat.Json => ExportAsync(connection, selection, ExportFormat.JsonLines, cancellationToken),
                EventFormat.Csv => ExportAsync(connection, selection, ExportFormat.Csv, cancellationToken),
                EventFormat.Audacity => ExportAsync(connection, selection, ExportFormat.Audacity, cancellationToken),
                EventFormat.Rttm => ExportAsync(connection, selection, ExportFormat.Rttm, cancellationToken),
                _ => ExportAsync(connection, selection, ExportFormat.Webvtt, cancellationToken),
            }).ConfigureAwait(false);
            return Invocation.Success;
        });
        return command;
    }

    private static async Task ListAsync(GridConnection grid, EventSelection selection, CancellationToken cancellationToken)
    {
        var table = Terminal.NewTable().AddColumns("onset (UTC)", "seconds", "label", "peak", "stream");
        var request = new ListEventsRequest { Selection = selection, PageSize = 1_000 };
        do
        {
            var page = await grid.Client.Tagging.ListEventsAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false);
            foreach (var kept in page.Events)
            {
                table.AddRow(
                    kept.Onset.ToDateTime().ToString("yyyy-MM-dd HH:mm:ss.ff", CultureInfo.InvariantCulture),
                    (kept.Event.OffsetSeconds - kept.Event.OnsetSeconds).ToString("0.00", CultureInfo.InvariantCulture),
                    Markup.Escape(kept.Event.Label),
                    Scores.Text(kept.Event.PeakScore),
                    Markup.Escape(kept.StreamId));
            }
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        AnsiConsole.Write(table);
    }

    private static async Task ExportAsync(
        GridConnection grid, EventSelection selection, ExportFormat format, CancellationToken cancellationToken)
    {
        using var call = grid.Client.Tagging.ExportEvents(
            new ExportEventsRequest { Selection = selection, Format = format }, cancellationToken: cancellationToken);
        await using var output = Console.OpenStandardOutput();
        while (await call.ResponseStream.MoveNext(cancellationToken).ConfigureAwait(false))
        {
            await output.WriteAsync(call.ResponseStream.Current.Data.Memory, cancellationToken).ConfigureAwait(false);
        }
    }

    private static Option<DateTimeOffset?> Time(string name, string description) => new(name)
    {
        HelpName = "TIME",
        Description = description,
        CustomParser = result =>
        {
            if (Times.TryParse(result.Tokens[0].Value, TimeProvider.System, out var time))
            {
                return time;
            }
            result.AddError($"{name} is '{result.Tokens[0].Value}'; it must be a time such as {Times.Examples}.");
            return null;
        },
    };
}
