using Dass.Grid.Cli.Output;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Cli.Grid;

/// <summary>Shows a stream that somebody else feeds, or the end of one's own.</summary>
internal sealed class StreamWatcher(GridConnection grid, IStreamView view)
{
    /// <returns>How the stream ended.</returns>
    /// <exception cref="RpcException">The grid refuses, or the call breaks.</exception>
    public async Task<EndReason> RunAsync(SubscribeRequest request, CancellationToken cancellationToken, Action<Subscribed>? onSubscribed = null)
    {
        var reason = EndReason.Unspecified;
        using var call = grid.Client.Subscribe(request, grid.Headers, cancellationToken: cancellationToken);
        while (await call.ResponseStream.MoveNext(cancellationToken).ConfigureAwait(false))
        {
            switch (call.ResponseStream.Current)
            {
                case { Subscribed: { } subscribed }:
                    onSubscribed?.Invoke(subscribed);
                    break;
                case { Tags: { } tags }:
                    view.OnTags(tags);
                    break;
                case { Dropped: { } dropped }:
                    view.OnDropped(dropped.Chunks);
                    break;
                case { Gap: { } gap }:
                    view.OnNote($"the stream has a gap before chunk {gap.NextChunk}: {gap.Reason}");
                    break;
                case { NewModel: { } change }:
                    view.OnNote($"from chunk {change.NextChunk} on the stream is heard by model {change.Model.Name}.");
                    view.OnEvents(change.Events);
                    break;
                case { Ended: { } ended }:
                    reason = ended.Reason;
                    view.OnNote(reason switch
                    {
                        EndReason.Closed => "the stream was closed.",
                        EndReason.Idle => "the stream ended because no audio came for too long.",
                        EndReason.Lost => "the stream is lost: its silo failed before its state was safe, and nobody feeds it any more.",
                        _ => "",
                    });
                    view.OnEvents(ended.Events);
                    view.OnSummary(ended.Summary);
                    break;
            }
        }
        return reason;
    }
}
