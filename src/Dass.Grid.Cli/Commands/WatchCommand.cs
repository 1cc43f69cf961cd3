using System.CommandLine;
using Dass.Grid.Cli.Grid;
using Dass.Grid.Cli.Output;
using Dass.Grid.V1;

namespace Dass.Grid.Cli.Commands;

/// <summary><c>dass watch --stream-id ID</c>: shows the tags of a stream that somebody else feeds.</summary>
internal static class WatchCommand
{
    public static Command Create()
    {
        var (grid, keyFile, format, top) = (Options.Grid($"{Options.DefaultGrid}, where 'dass serve' answers"), Options.KeyFile(), Options.Format(), Options.Top(3));
        var id = new Option<string>("--stream-id") { HelpName = "ID", Description = "The stream's id.", Required = true };
        var from = new Option<long?>("--from-chunk") { Description = "First chunk that is wanted, as far back as the grid keeps them (default: from now on)." };
        var command = new Command("watch", "Shows the tags of a stream that somebody else feeds.") { grid, keyFile, id, from, top, format };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var connection = GridConnection.Open(parsed.GetValue(grid) ?? Options.DefaultGrid, parsed.GetValue(keyFile));
            var request = new SubscribeRequest { StreamId = parsed.GetValue(id), Filter = new TagFilter { Top = parsed.GetValue(top)!.Value } };
            if (parsed.GetValue(from) is { } chunk)
            {
                request.FromChunk = chunk;
            }
            var reason = EndReason.Unspecified;
            await IStreamView.ShowAsync(parsed.GetValue(format), async view => reason = await new StreamWatcher(connection, view).RunAsync(
                request,
                cancellationToken,
                subscribed =>
                {
                    view.OnNote(subscribed.Model.Note);
                    view.OnReady(new Ready { StreamId = request.StreamId, Model = subscribed.Model });
                }).ConfigureAwait(false)).ConfigureAwait(false);
            return reason == EndReason.Lost ? Invocation.Failure : Invocation.Success;
        });
        return command;
    }
}
