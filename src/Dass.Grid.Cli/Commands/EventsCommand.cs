using System.CommandLine;
using System.Globalization;
using System.Text;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Grid;
using Dass.Grid.Cli.Output;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Spectre.Console;

namespace Dass.Grid.Cli.Commands;

/// <summary>
/// <c>dass events</c>: the events that a grid keeps, as a table, as a file that other programs read, counted, or as they come.
/// </summary>
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
        var from = Options.Time("--from", $"Onset at or after: {Times.Examples} (default: a day before --to).");
        var to = Options.Time("--to", "Onset before (default: now).");
        var least = Options.Score("--min-peak", "Events are shown from this peak score on (default: 0),");
        var limit = Options.Whole("--limit", "Only the newest events (default: all),", 1, 1_000_000, absent: null);
        var by = new Option<EventGrouping[]>("--by")
        {
            HelpName = "hour,day,label,stream,model",
            Description = "Counts the events by these, together.",
            CustomParser = result => ParseGroups(result),
        };
        var follow = new Option<bool>("--follow")
        {
            Description = "Shows those that end from now on, until it is stopped; with --from or --limit kept ones first.",
        };
        var format = Options.Word(
            "--format",
            "table for people; json (one object per line), csv, audacity, rttm and webvtt for programs, the last three of one stream.",
            EventFormat.Table);
        var command = new Command("events", "Lists, counts, follows or exports the events that a grid keeps.")
        {
            grid, keyFile, streams, prefix, labels, from, to, least, limit, by, follow, format,
        };
        command.Validators.Add(result =>
        {
            var (counts, shown) = (result.GetResult(by) is not null, result.ValueOr(format, EventFormat.Table));
            if (counts && (result.GetValue(follow) || result.GetResult(limit) is not null || shown > EventFormat.Csv))
            {
                result.AddError("--by counts: --follow, --limit and formats other than table, json and csv do not go with it.");
            }
            if ((result.GetValue(follow) || result.GetResult(limit) is not null) && shown > EventFormat.Csv)
            {
                result.AddError("--follow and --limit go with the formats table, json and csv.");
            }
            if (result.GetValue(follow) && result.GetResult(to) is not null)
            {
                result.AddError("--follow has no end; --to does not go with it.");
            }
        });
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
                MinPeakScore = parsed.GetValue(least) ?? 0,
            };
            var shown = parsed.GetValue(format);
            var listed = shown switch
            {
                EventFormat.Json => OutputFormat.Json, EventFormat.Csv => OutputFormat.Csv, _ => OutputFormat.Table,
            };
            if (parsed.GetValue(by) is { Length: > 0 } groups)
            {
                var counts = new EventCounts(groups);
                await foreach (var sound in ReadAsync(connection, selection, newestFirst: false, cancellationToken).ConfigureAwait(false))
                {
                    counts.Add(sound);
                }
                counts.Write(listed);
            }
            else if (parsed.GetValue(follow))
            {
                var first = parsed.GetValue(limit) is null && selection.From is null
                    ? null
                    : NewestAsync(connection, selection, parsed.GetValue(limit), cancellationToken);
                await EventFollower.RunAsync(connection.Client, selection, first, new EventLines(listed).Write, cancellationToken)
                    .ConfigureAwait(false);
            }
            else if (parsed.GetValue(limit) is { } most)
            {
                var lines = new EventLines(listed);
                await foreach (var sound in NewestAsync(connection, selection, most, cancellationToken).ConfigureAwait(false))
                {
                    lines.Write(sound);
                }
            }
            else
            {
                await (shown switch
                {
                    EventFormat.Table => ListAsync(connection, selection, cancellationToken),
                    EventFormat.Json => ExportAsync(connection, selection, ExportFormat.JsonLines, cancellationToken),
                    EventFormat.Csv => ExportAsync(connection, selection, ExportFormat.Csv, cancellationToken),
                    EventFormat.Audacity => ExportAsync(connection, selection, ExportFormat.Audacity, cancellationToken),
                    EventFormat.Rttm => ExportAsync(connection, selection, ExportFormat.Rttm, cancellationToken),
                    _ => ExportAsync(connection, selection, ExportFormat.Webvtt, cancellationToken),
                }).ConfigureAwait(false);
            }
            return Invocation.Success;
        });
        return command;
    }

    private static EventGrouping[] ParseGroups(System.CommandLine.Parsing.ArgumentResult result)
    {
        var groups = new List<EventGrouping>();
        foreach (var word in result.Tokens.SelectMany(token => token.Value.Split(',')))
        {
            if (Options.TryParseWord<EventGrouping>(word, out var group))
            {
                groups.Add(group);
                continue;
            }
            var known = System.Enum.GetNames<EventGrouping>().Select(name => name.ToLowerInvariant());
            result.AddError($"--by is '{word}'; it must be one or several of {string.Join(", ", known)}.{Nearest.Question(word, known)}");
        }
        return [.. groups.Distinct()];
    }

    private static async Task ListAsync(GridConnection grid, EventSelection selection, CancellationToken cancellationToken)
    {
        var table = Terminal.NewTable().AddColumns("onset (UTC)", "seconds", "label", "peak", "stream");
        await foreach (var kept in ReadAsync(grid, selection, newestFirst: false, cancellationToken).ConfigureAwait(false))
        {
            table.AddRow([.. EventLines.Cells(kept).Select(Markup.Escape)]);
        }
        AnsiConsole.Write(table);
    }

    /// <summary>In the order of time: all, or only so many of the newest.</summary>
    private static async IAsyncEnumerable<KeptEvent> NewestAsync(
        GridConnection grid, EventSelection selection, int? most,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (most is null)
        {
            await foreach (var sound in ReadAsync(grid, selection, newestFirst: false, cancellationToken).ConfigureAwait(false))
            {
                yield return sound;
            }
            yield break;
        }
        var newest = new List<KeptEvent>();
        await foreach (var sound in ReadAsync(grid, selection, newestFirst: true, cancellationToken).ConfigureAwait(false))
        {
            newest.Add(sound);
            if (newest.Count == most)
            {
                break;
            }
        }
        for (var i = newest.Count - 1; i >= 0; i--)
        {
            yield return newest[i];
        }
    }

    private static async IAsyncEnumerable<KeptEvent> ReadAsync(
        GridConnection grid, EventSelection selection, bool newestFirst,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var request = new ListEventsRequest { Selection = selection, PageSize = 1_000, NewestFirst = newestFirst };
        do
        {
            var page = await grid.Client.Tagging.ListEventsAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false);
            foreach (var kept in page.Events)
            {
                yield return kept;
            }
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
    }

    private static async Task ExportAsync(
        GridConnection grid, EventSelection selection, ExportFormat format, CancellationToken cancellationToken)
    {
        using var call = grid.Client.Tagging.ExportEvents(
            new ExportEventsRequest { Selection = selection, Format = format }, cancellationToken: cancellationToken);
        var output = Terminal.OpenOutput();
        while (await call.ResponseStream.MoveNext(cancellationToken).ConfigureAwait(false))
        {
            await output.WriteAsync(call.ResponseStream.Current.Data.Memory, cancellationToken).ConfigureAwait(false);
        }
    }
}

/// <summary>Events one by one, each on a line as soon as it is known.</summary>
internal sealed class EventLines(OutputFormat format)
{
    private bool _begun;

    /// <summary>Onset, length, label, peak and stream.</summary>
    public static string[] Cells(KeptEvent kept) =>
    [
        kept.Onset.ToDateTime().ToString("yyyy-MM-dd HH:mm:ss.ff", CultureInfo.InvariantCulture),
        (kept.Event.OffsetSeconds - kept.Event.OnsetSeconds).ToString("0.00", CultureInfo.InvariantCulture),
        kept.Event.Label,
        Scores.Text(kept.Event.PeakScore),
        kept.StreamId,
    ];

    public void Write(KeptEvent kept)
    {
        if (format == OutputFormat.Table)
        {
            Console.Out.WriteLine(string.Join("  ", Cells(kept)));
            return;
        }
        var (lines, text) = (format == OutputFormat.Csv ? EventFileFormat.Csv : EventFileFormat.JsonLines, new StringBuilder());
        if (!_begun)
        {
            _begun = true;
            EventText.Begin(lines, text);
        }
        EventText.Write(
            lines,
            new EventLine(
                kept.StreamId, kept.Onset.ToDateTimeOffset(), kept.Event.OnsetSeconds, kept.Event.OffsetSeconds, kept.Event.LabelId,
                kept.Event.Label, kept.Event.PeakScore, kept.Event.MeanScore, kept.Model, kept.Event.Id),
            text);
        Console.Out.Write(text);
    }
}
