using System.CommandLine;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Grid;
using Dass.Grid.Cli.Output;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;

namespace Dass.Grid.Cli.Commands;

/// <summary><c>dass watch</c>: shows the tags of streams that other clients feed.</summary>
internal static class WatchCommand
{
    public static Command Create()
    {
        var (grid, keyFile, format, top) =
            (Options.Grid($"{Options.DefaultGrid}, where 'dass serve' answers"), Options.KeyFile(), Options.Format(), Options.Top(3));
        var ids = new Option<string[]>("--stream-id")
        {
            HelpName = "ID",
            Description = "A stream; of several, those that are not there yet are waited for.",
        };
        var prefix = new Option<string?>("--prefix") { HelpName = "TEXT", Description = "All streams whose ids begin so." };
        var all = new Option<bool>("--all") { Description = "All streams." };
        var from = new Option<long?>("--from-chunk")
        {
            Description = "First chunk that is wanted of each stream, as far back as the grid keeps them (default: from now on).",
        };
        var labels = new Option<string[]>("--label")
        {
            HelpName = "LABEL",
            Description = "A label's name or id; may be given several times (default: all).",
        };
        var least = Options.Score("--min-score", "Labels below it are left out,");
        var peak = Options.Score("--min-peak", "Events are shown from this peak score on (default: --min-score),");
        var duration = Options.Span("--min-event-duration", "Events are shown when they have lasted so long (default: 0s).");
        var eventsOnly = new Option<bool>("--events-only") { Description = "Only chunks in which a sound begins or ends." };
        var interval = Options.Span(
            "--min-interval", "Time between chunks without events that are shown, per stream (default: none are left out).");
        var giveUp = Options.Span("--give-up-after", "Give up a grid that stays away for so long (default: never, once it has answered).");
        var command = new Command(
            "watch", "Shows the tags of streams that other clients feed. Comes back by itself when the connection breaks.")
        {
            grid, keyFile, ids, prefix, all, from, labels, least, peak, duration, eventsOnly, interval, giveUp, top, format,
        };
        command.Validators.Add(result =>
        {
            bool[] ways = [result.GetValue(ids) is { Length: > 0 }, result.GetValue(prefix) is not null, result.GetValue(all)];
            if (ways.Count(given => given) != 1)
            {
                result.AddError("Which streams: give --stream-id, --prefix or --all, and only one kind of them.");
            }
        });
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var connection = GridConnection.Open(parsed.GetValue(grid) ?? Options.DefaultGrid, parsed.GetValue(keyFile)).Client;
            var request = new SubscribeRequest
            {
                Prefix = parsed.GetValue(prefix) ?? "",
                AllStreams = parsed.GetValue(all),
                Filter = new TagFilter
                {
                    Top = parsed.GetValue(top)!.Value,
                    MinScore = parsed.GetValue(least) ?? 0,
                    Labels = { parsed.GetValue(labels) ?? [] },
                    MinEventDuration = parsed.GetValue(duration)?.ToDuration(),
                },
                EventsOnly = parsed.GetValue(eventsOnly),
                MinInterval = parsed.GetValue(interval)?.ToDuration(),
            };
            if (parsed.GetValue(peak) is { } high)
            {
                request.Filter.MinPeakScore = high;
            }
            if (parsed.GetValue(ids) is [var one])
            {
                request.StreamId = one;
            }
            else
            {
                request.StreamIds.Add(parsed.GetValue(ids) ?? []);
            }
            if (parsed.GetValue(from) is { } chunk)
            {
                request.FromChunk = chunk;
            }
            var lost = false;
            async Task WatchAsync(Func<string, IStreamView> viewOf) =>
                lost = await new StreamWatcher(connection, viewOf, parsed.GetValue(giveUp)).RunAsync(request, cancellationToken)
                    .ConfigureAwait(false);
            await (request.StreamId.Length > 0
                ? IStreamView.ShowAsync(parsed.GetValue(format), view => WatchAsync(_ => view))
                : IStreamView.ShowManyAsync(parsed.GetValue(format), WatchAsync)).ConfigureAwait(false);
            return lost ? Invocation.Failure : Invocation.Success;
        });
        return command;
    }
}
