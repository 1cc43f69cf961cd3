using System.CommandLine;
using Dass.Grid.Cli.Grid;
using Dass.Grid.Cli.Output;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Cli.Commands;

/// <summary><c>dass watch --stream-id ID</c>: shows the tags of a stream that somebody else feeds.</summary>
internal static class WatchCommand
{
    public static Command Create()
    {
        var (grid, format, top) = (Options.Grid(), Options.Format(), Options.Top(3));
        grid.Required = true;
        var id = new Option<string>("--stream-id") { Description = "The stream's id.", Required = true };
        var from = new Option<long?>("--from-chunk") { Description = "First chunk that is wanted, as far back as the grid keeps them (default: from now on)." };
        var command = new Command("watch", "Shows the tags of a stream that somebody else feeds.") { grid, id, from, top, format };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var connection = await GridConnection.OpenAsync(parsed.GetValue(grid), model: null, cancellationToken).ConfigureAwait(false);
            var request = new SubscribeRequest { StreamId = parsed.GetValue(id), Filter = new TagFilter { Top = parsed.GetValue(top) } };
            if (parsed.GetValue(from) is { } chunk)
            {
                request.FromChunk = chunk;
            }
            await IStreamView.ShowAsync(parsed.GetValue(format), view => WatchAsync(connection, request, view, cancellationToken)).ConfigureAwait(false);
            return Invocation.Success;
        });
        return command;
    }

    private static async Task WatchAsync(GridConnection connection, SubscribeRequest request, IStreamView view, CancellationToken cancellationToken)
    {
        using var call = connection.Client.Subscribe(request, connection.Headers, cancellationToken: cancellationToken);
        while (await call.ResponseStream.MoveNext(cancellationToken).ConfigureAwait(false))
        {
            switch (call.ResponseStream.Current)
            {
                case { Subscribed: { } subscribed }:
                    view.OnReady(new Ready { StreamId = request.StreamId, Model = subscribed.Model });
                    break;
                case { Tags: { } tags }:
                    view.OnTags(tags);
                    break;
                case { Dropped: { } dropped }:
                    view.OnDropped(dropped.Chunks);
                    break;
                case { Ended: { } ended }:
                    view.OnSummary(ended.Summary);
                    break;
            }
        }
    }
}
