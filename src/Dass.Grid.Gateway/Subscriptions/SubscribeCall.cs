using Dass.Grid.Gateway.Scores;
using Dass.Grid.V1;

namespace Dass.Grid.Gateway.Subscriptions;

/// <summary>One subscriber: kept tags first when asked for, then what comes; every gap is said.</summary>
internal sealed class SubscribeCall(
    GatewayShared shared,
    CallState call,
    SubscribeRequest request,
    IServerStreamWriter<SubscribeResponse> responses,
    CancellationToken cancellationToken)
{
    private const int PageChunks = 64;

    private long _next;

    public async Task RunAsync()
    {
        var id = call.Scope(request.StreamId);
        if (request is { HasFromChunk: true, FromChunk: < 0 })
        {
            throw ProtocolErrors.FromChunk(request.FromChunk);
        }
        ScoreView.Check(request.Filter);

        // The queue listens before the past is read, so nothing falls between the two; what comes twice is skipped by its index.
        var queue = new SubscriberQueue(shared.Options.SubscriberQueueChunks);
        var feed = shared.Feeds.Join(id, queue);
        shared.Instruments.OnSubscribed();
        try
        {
            await ServeAsync(id, queue, (await feed.RenewAsync()).OrThrow());
        }
        finally
        {
            shared.Instruments.OnUnsubscribed();
            await shared.Feeds.LeaveAsync(feed, queue);
        }
    }

    private async Task ServeAsync(StreamId id, SubscriberQueue queue, StreamStatus status)
    {
        var view = new ScoreView(request.Filter, await shared.Cards.OfAsync(status.Shape.Model));
        _next = request.HasFromChunk ? request.FromChunk : status.NextChunk;
        await responses.WriteAsync(
            new SubscribeResponse { Subscribed = new Subscribed { Model = Answers.Of(status.Shape.Model), NextChunk = status.NextChunk } },
            cancellationToken);

        if (request.HasFromChunk)
        {
            await RepeatAsync(shared.Grains.GetGrain<IStreamGrain>(id.ToString()), view);
        }
        if (status.End is { } ended)
        {
            queue.Complete(ended);
        }
        await foreach (var chunk in queue.ReadAllAsync(cancellationToken))
        {
            await WriteAsync(chunk, view);
        }
        var end = queue.End!;
        await ReportGapAsync(end.Summary.Chunks);
        await responses.WriteAsync(
            new SubscribeResponse { Ended = new Ended { Reason = Answers.Of(end.Reason), Summary = view.Of(end.Summary) } }, cancellationToken);
    }

    private async Task RepeatAsync(IStreamGrain stream, ScoreView view)
    {
        while (true)
        {
            var page = (await stream.GetTags(_next, PageChunks)).OrThrow();
            foreach (var chunk in page.Tags)
            {
                await WriteAsync(chunk, view);
            }
            if (_next >= page.NextChunk || page.Tags.Length == 0)
            {
                return;
            }
        }
    }

    private async Task WriteAsync(ChunkTags chunk, ScoreView view)
    {
        if (chunk.Index < _next)
        {
            return;
        }
        await ReportGapAsync(chunk.Index);
        _next = chunk.Index + 1;
        await responses.WriteAsync(new SubscribeResponse { Tags = view.Of(chunk) }, cancellationToken);
    }

    /// <summary>Says that chunks before <paramref name="index"/> are missing, if any are.</summary>
    private async Task ReportGapAsync(long index)
    {
        var missing = index - _next;
        if (missing > 0)
        {
            shared.Instruments.OnDropped(missing);
            await responses.WriteAsync(new SubscribeResponse { Dropped = new Dropped { Chunks = missing } }, cancellationToken);
        }
    }
}
