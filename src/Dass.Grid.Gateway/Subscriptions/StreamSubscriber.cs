using System.Diagnostics;
using Dass.Grid.Gateway.Grid;
using Dass.Grid.Gateway.Protocol;
using Dass.Grid.V1;

namespace Dass.Grid.Gateway.Subscriptions;

/// <summary>
/// One stream of one subscriber: kept tags first when asked for, then what comes; missing ones are read from what the stream keeps, or
/// counted as dropped.
/// </summary>
/// <param name="services">Of the gateway.</param>
/// <param name="id">The stream.</param>
/// <param name="request">What of it is wanted.</param>
/// <param name="fromChunk">First chunk that is wanted of the stream that began then; null: from now on.</param>
/// <param name="write">Takes each message in order; slow when the client is.</param>
/// <param name="cancellationToken">Ends it.</param>
internal sealed class StreamSubscriber(
    SubscriptionServices services,
    StreamId id,
    SubscribeRequest request,
    Func<DateTimeOffset, long?> fromChunk,
    Func<SubscribeResponse, Task> write,
    CancellationToken cancellationToken)
{
    /// <summary>
    /// Chunks after which a subscriber that is sent nothing hears so: else it would ask for all of them again after a broken call.
    /// </summary>
    private const int SilentChunks = StreamGrainExtensions.HistoryPage;

    private readonly double _interval = request.MinInterval?.ToTimeSpan().TotalSeconds ?? 0;
    private ScoreView _view = null!;
    private ModelSummary _model = null!; // of the view
    private long _next; // what the subscriber has not seen yet begins here
    private long _told; // and here by the last answer that said so
    private string? _lost; // event of a lost source that has been sent last
    private double _due; // stream time from which the next tags without events are sent

    private readonly GridAccess _grid = services.Grid;

    private IStreamGrain Stream => _grid.Grains.GetGrain<IStreamGrain>(id.ToString());

    /// <summary>Whether the stream has been found; until then NOT_FOUND is of the stream, later of a label.</summary>
    public bool Found { get; private set; }

    /// <returns>When the stream that has ended had begun: a silo's death may have given it another birth than it was listed with.</returns>
    /// <exception cref="RpcException">
    /// The stream is unknown, the filter does not fit its model, or the subscriber is too slow for its policy.
    /// </exception>
    public async Task<DateTimeOffset> RunAsync()
    {
        // The queue is filled before the past is read, so nothing falls between the two; what comes twice is skipped by its index.
        var queue = new SubscriberQueue(_grid.Options.SubscriberQueueChunks);
        var observer = services.Observers.Add(id, queue);
        try
        {
            var status = (await Recovery.AskAsync(_grid, observer.SubscribeAsync, cancellationToken)).OrThrow();
            Found = true;
            await ServeAsync(queue, status);
            return queue.End?.Begun ?? status.Begun;
        }
        finally
        {
            await services.Observers.RemoveAsync(observer, queue);
        }
    }

    private async Task ServeAsync(SubscriberQueue queue, StreamStatus status)
    {
        _model = status.Shape.Model;
        _view = new ScoreView(
            request.Filter, await services.Cards.GetAsync(_model), isOneOfMany: request.StreamId.Length == 0);
        _next = _told = fromChunk(status.Begun) ?? status.NextChunk;
        await write(new SubscribeResponse { Subscribed = ResponseMapping.Subscribed(status) });

        await CatchUpAsync(status.NextChunk, asked: true);
        await WriteLostAsync(status.Lost);
        if (status.End is { } ended)
        {
            queue.Complete(ended);
        }
        await foreach (var item in queue.ReadAllAsync(cancellationToken))
        {
            if (item.Gap is { } gap)
            {
                await CatchUpAsync(gap.NextChunk, beforeGap: true);
                await write(new SubscribeResponse { Gap = _view.Map(gap) });
                _next = _told = Math.Max(_next, gap.NextChunk);
            }
            else if (item.Change is { } change)
            {
                if (change.Model.Hash == _model.Hash && change.Events.Length == 0)
                {
                    continue; // message, renewal and the stream's first answer may all say so
                }
                await CatchUpAsync(item.NextChunk);
                _model = change.Model;
                var answer = new NewModel
                {
                    Model = ResponseMapping.Map(change.Model),
                    NextChunk = change.NextChunk,
                    Events = { _view.Select(change.Events) },
                };
                _view = new ScoreView(request.Filter, await services.Cards.GetAsync(change.Model), isOneOfMany: true);
                await write(new SubscribeResponse { NewModel = answer });
            }
            else if (item.Lost is not null)
            {
                await CatchUpAsync(item.NextChunk);
                await WriteLostAsync(item.Lost);
            }
            else if (item.NextChunk > _next)
            {
                if (await CatchUpAsync(item.Chunk?.Index ?? item.NextChunk) && item.Chunk is { } chunk)
                {
                    await DeliverAsync(chunk, item.Trace);
                }
            }
        }
        var end = queue.End!;
        var nextChunk = end.NextChunk ?? end.Summary.Chunks;
        await CatchUpAsync(nextChunk);
        await SkipToAsync(nextChunk, asked: false);
        await write(new SubscribeResponse { Ended = _view.Map(end) });
    }

    /// <summary>
    /// Chunks are missing when the subscriber asked for old ones, was too slow for its queue, or a one-way message came late or never; the
    /// stream still keeps most of them, and the number of the others goes to the subscriber as dropped.
    /// </summary>
    /// <param name="nextChunk">Where the chunks end that are wanted.</param>
    /// <param name="asked">Whether the subscriber has asked for old ones.</param>
    /// <param name="beforeGap">Whether a gap ends there: what is missing right before it is the gap's, and not dropped.</param>
    /// <returns>
    /// False: the stream has gone back, because its silo was lost after it had told of chunks up to there. It will compute them again, and
    /// they come by themselves.
    /// </returns>
    private async Task<bool> CatchUpAsync(long nextChunk, bool asked = false, bool beforeGap = false)
    {
        var behind = !asked && nextChunk - _next > _grid.Options.SubscriberQueueChunks;
        while (_next < nextChunk)
        {
            var (from, count) = (_next, (int)Math.Min(StreamGrainExtensions.HistoryPage, nextChunk - _next));
            var answer = await Recovery.AskAsync(_grid, () => Stream.GetTags(from, count), cancellationToken);
            var isThere = answer.Has(out var page, out _) && page.NextChunk >= nextChunk;
            ChunkTags[] kept = page is null ? [] : [.. page.Tags.TakeWhile(chunk => chunk.Index < nextChunk)];
            foreach (var chunk in kept.Where(chunk => !behind || request.Slow != SlowPolicy.KeepEvents || chunk.Events.Length > 0))
            {
                await SkipToAsync(chunk.Index, asked);
                await WriteAsync(chunk);
            }
            if (!isThere)
            {
                return false;
            }
            if (beforeGap && kept.Length == 0)
            {
                return true;
            }
            if (kept.Length == 0 || kept[^1].Index >= _next)
            {
                await SkipToAsync(kept.Length == 0 ? nextChunk : kept[^1].Index + 1, asked);
            }
        }
        return true;
    }

    private async Task SkipToAsync(long index, bool asked)
    {
        var missing = index - _next;
        if (missing > 0)
        {
            if (!asked && request.Slow == SlowPolicy.Disconnect)
            {
                throw ProtocolErrors.TooSlow(id.Name, missing, _next);
            }
            if (!asked)
            {
                _grid.Instruments.OnDropped(missing); // not of a subscriber that comes back, which may have seen them
            }
            await write(new SubscribeResponse { Dropped = new Dropped { Chunks = missing } });
            _next = _told = index;
        }
    }

    /// <summary>A delivery is a trace of its own, with a link to that of its chunk: a chunk has any number of subscribers.</summary>
    private async Task DeliverAsync(ChunkTags chunk, ActivityContext trace)
    {
        using var activity = trace.TraceFlags.HasFlag(ActivityTraceFlags.Recorded)
            ? GatewayInstruments.Activities.StartActivity(
                ActivityKind.Producer, parentContext: default, links: [new ActivityLink(trace)], name: TelemetryNames.DeliveryTrace)
            : null;
        activity?.SetTag(TelemetryNames.Tenant, id.Tenant).SetTag(TelemetryNames.Stream, id.Name).SetTag(TelemetryNames.Chunk, chunk.Index);
        await WriteAsync(chunk);
    }

    /// <summary>Once, although message and renewals bring it.</summary>
    private async Task WriteLostAsync(SoundEvent? lost)
    {
        if (lost is null || lost.Id == _lost)
        {
            return;
        }
        _lost = lost.Id;
        Event[] opened = [.. _view.Select([lost])];
        if (opened.Length > 0)
        {
            await write(new SubscribeResponse { Events = new EventList { Events = { opened } } });
        }
    }

    private async Task WriteAsync(ChunkTags chunk)
    {
        _next = chunk.Index + 1;
        if (_view.Select(chunk.Events).Any() || (!request.EventsOnly && chunk.StartSeconds >= _due))
        {
            _due = chunk.StartSeconds + _interval;
            _told = _next;
            await write(new SubscribeResponse { Tags = _view.Map(chunk) });
        }
        else if (_next - _told >= SilentChunks)
        {
            _told = _next;
            await write(new SubscribeResponse { Passed = new Passed { NextChunk = _next } });
        }
    }
}
