using Dass.Grid.Cli.Output;
using Dass.Grid.Client;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Cli.Grid;

/// <summary>Shows streams that other clients feed.</summary>
/// <param name="grid">The grid.</param>
/// <param name="viewOf">Shows the stream of an id.</param>
/// <param name="giveUpAfter">How long to wait for a grid that is away. Null: for ever, once it has answered.</param>
internal sealed class StreamWatcher(GridClient grid, Func<string, IStreamView> viewOf, TimeSpan? giveUpAfter)
{
    private string? _note; // of the model, shown once
    private string _interruption = ""; // the last, shown once

    /// <returns>Whether a stream was lost.</returns>
    /// <exception cref="RpcException">The grid refuses, or is away at the first call or for too long.</exception>
    public async Task<bool> RunAsync(SubscribeRequest request, CancellationToken cancellationToken)
    {
        var what = request.StreamId.Length > 0 ? request.StreamId : "of several";
        var reconnect = new ReconnectOptions
        {
            GiveUpAfter = giveUpAfter ?? Timeout.InfiniteTimeSpan,
            Interrupted = broken =>
            {
                var note = StreamFeeder.Interruption(what, broken);
                if (_interruption != note)
                {
                    viewOf(request.StreamId).OnNote(_interruption = note);
                }
            },
        };
        if (giveUpAfter is null)
        {
            // An address without a grid is a mistake now, and later a grid that is away.
            await grid.Tagging.ListModelsAsync(new ListModelsRequest(), cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        var lost = false;
        await foreach (var response in new StreamSubscription(grid, request, reconnect).RunAsync(cancellationToken).ConfigureAwait(false))
        {
            _interruption = "";
            var view = viewOf(response.StreamId);
            switch (response)
            {
                case { Subscribed: { } subscribed }:
                    if (_note != subscribed.Model.Note)
                    {
                        view.OnNote(_note = subscribed.Model.Note);
                    }
                    view.OnReady(new Ready { StreamId = response.StreamId, Model = subscribed.Model });
                    break;
                case { Tags: { } tags }:
                    view.OnTags(tags);
                    break;
                case { Dropped: { } dropped }:
                    view.OnDropped(dropped.Chunks);
                    break;
                case { Gap: { } gap }:
                    view.OnNote($"stream {response.StreamId} has a gap before chunk {gap.NextChunk}: {gap.Reason}");
                    view.OnEvents(gap.Events);
                    break;
                case { NewModel: { } change }:
                    view.OnNote($"from chunk {change.NextChunk} on stream {response.StreamId} is heard by model {change.Model.Name}.");
                    view.OnEvents(change.Events);
                    break;
                case { Events: { } opened }:
                    view.OnEvents(opened.Events);
                    break;
                case { Ended: { } ended }:
                    lost |= ended.Reason == EndReason.Lost;
                    view.OnNote(ended.Reason switch
                    {
                        EndReason.Closed => $"stream {response.StreamId} was closed.",
                        EndReason.Idle => $"stream {response.StreamId} ended because no audio came for too long.",
                        EndReason.Lost =>
                            $"stream {response.StreamId} is lost: its silo failed before its state was safe, "
                            + "and no client feeds it any more.",
                        _ => "",
                    });
                    view.OnEvents(ended.Events);
                    view.OnSummary(ended.Summary);
                    break;
            }
        }
        return lost;
    }
}
