using Dass.Grid.Gateway.Scores;
using Dass.Grid.Gateway.Streams;
using Dass.Grid.V1;

namespace Dass.Grid.Gateway.Subscriptions;

/// <summary>One subscriber: kept tags first when asked for, then what comes; a gap is filled from what the stream keeps, or said.</summary>
internal sealed class SubscribeCall(
    GatewayShared shared,
    CallState call,
    SubscribeRequest request,
    IServerStreamWriter<SubscribeResponse> responses,
    CancellationToken cancellationToken)
{
    private const int PageChunks = 64;

    private long _next; // what the subscriber has not seen yet begins here

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
        var use = await shared.Uses.EnterSubscriberAsync(call.Caller);
        var feed = shared.Feeds.Join(id, queue);
        shared.Instruments.OnSubscribed();
        try
        {
            await ServeAsync(id, queue, (await Recovery.AskAsync(shared, feed.RenewAsync, cancellationToken)).OrThrow());
        }
        finally
        {
            shared.Instruments.OnUnsubscribed();
            use.LeaveSubscriber();
            await shared.Feeds.LeaveAsync(feed, queue);
        }
    }

    private async Task ServeAsync(StreamId id, SubscriberQueue queue, StreamStatus status)
    {
        var view = new ScoreView(request.Filter, await shared.Cards.OfAsync(status.Shape.Model));
        var stream = shared.Grains.GetGrain<IStreamGrain>(id.ToString());
        _next = request.HasFromChunk ? request.FromChunk : status.NextChunk;
        await responses.WriteAsync(
            new SubscribeResponse { Subscribed = new Subscribed { Model = Answers.Of(status.Shape.Model), NextChunk = status.NextChunk } },
            cancellationToken);

        await CatchUpAsync(status.NextChunk);
        if (status.End is { } ended)
        {
            queue.Complete(ended);
        }
        await foreach (var word in queue.ReadAllAsync(cancellationToken))
        {
            if (word.Gap is { } gap)
            {
                await responses.WriteAsync(new SubscribeResponse { Gap = Answers.Of(gap) }, cancellationToken);
                _next = Math.Max(_next, gap.NextChunk);
            }
            else if (word.Model is { } model)
            {
                await CatchUpAsync(word.NextChunk);
                view = new ScoreView(request.Filter, await shared.Cards.OfAsync(model));
                await responses.WriteAsync(new SubscribeResponse { Model = Answers.Of(model) }, cancellationToken);
            }
            else if (word.NextChunk > _next)
            {
                await CatchUpAsync(word.Chunk?.Index ?? word.NextChunk);
                if (word.Chunk is { } chunk)
                {
                    await WriteAsync(chunk);
                }
            }
        }
        var end = queue.End!;
        await CatchUpAsync(end.Summary.Chunks);
        await responses.WriteAsync(
            new SubscribeResponse { Ended = new Ended { Reason = Answers.Of(end.Reason), Summary = view.Of(end.Summary) } }, cancellationToken);

        // Chunks are missing when the subscriber asked for old ones, was too slow for its queue, or a one-way message came late or never;
        // the stream still keeps most of them, and what it does not is said to be dropped.
        async Task CatchUpAsync(long nextChunk)
        {
            while (_next < nextChunk)
            {
                var (from, count) = (_next, (int)Math.Min(PageChunks, nextChunk - _next));
                var answer = await Recovery.AskAsync(shared, () => stream.GetTags(from, count), cancellationToken);
                ChunkTags[] kept = answer.Has(out var page, out _) ? [.. page.Tags.TakeWhile(chunk => chunk.Index < nextChunk)] : [];
                foreach (var chunk in kept)
                {
                    await SkipToAsync(chunk.Index);
                    await WriteAsync(chunk);
                }
                if (kept.Length == 0)
                {
                    await SkipToAsync(nextChunk);
                }
            }
        }

        async Task SkipToAsync(long index)
        {
            var missing = index - _next;
            if (missing > 0)
            {
                shared.Instruments.OnDropped(missing);
                await responses.WriteAsync(new SubscribeResponse { Dropped = new Dropped { Chunks = missing } }, cancellationToken);
                _next = index;
            }
        }

        async Task WriteAsync(ChunkTags chunk)
        {
            _next = chunk.Index + 1;
            await responses.WriteAsync(new SubscribeResponse { Tags = view.Of(chunk) }, cancellationToken);
        }
    }
}
