using Dass.Grid.Engine;
using Dass.Grid.Grains.Sessions;

namespace Dass.Grid.Grains.Streams;

/// <summary>How a stream begins, goes on, changes its model and ends; what it says meanwhile, and who hears it.</summary>
/// <remarks>Used on the grain's own scheduler only.</remarks>
internal sealed class StreamLifecycle(StreamId id, StreamGrainShared shared, StreamState state, StreamOutbox ledger, StreamPersistence store, IStreamHost host)
{
    public ObserverLeases Observers { get; } = new(shared.Time, shared.Options.ObserverLease);

    /// <summary>A new stream, or one whose state cannot be had: then with a gap.</summary>
    public Refusal? Begin(StreamSpec spec, long oldestSample, out StreamGap? gap)
    {
        gap = null;
        if (SessionFactory.Open(shared.Models, id.Tenant, spec, oldestSample, shared.Time.GetUtcNow(), shared.Options.Events, out var live) is { } refusal)
        {
            return spec.Format is null ? state.Unknown() : refusal;
        }
        HoldNew(live);
        shared.Instruments.OnBegun(live.Model.Name);
        shared.Logger.Begun(id, live.Model.Name);
        if (state.Unreadable is not null || oldestSample > 0)
        {
            gap = Cold(live, live.NextSample, state.Unreadable?.Message ?? "The store has no checkpoint of the stream, and its first audio is no longer kept.", []);
        }
        state.Unreadable = null;
        state.History.Restore(state.History.Last(int.MaxValue), live.Origin.Chunk);
        host.Report();
        return null;
    }

    /// <summary>The audio that the stream needs next is gone.</summary>
    public Refusal? BeginAgain(LiveStream before, StreamSpec spec, long oldestSample, out StreamGap? gap)
    {
        gap = null;
        var (from, closed) = (before.NextSample, before.Events.Break());
        ledger.Enter(before, closed);
        ledger.End(before);
        store.LetGo(before);
        if (SessionFactory.Open(shared.Models, id.Tenant, spec, oldestSample, before.Begun, shared.Options.Events, out var live, before.Events) is { } refusal)
        {
            return refusal;
        }
        HoldNew(live);
        shared.Instruments.OnBegun(live.Model.Name);
        gap = Cold(live, from, $"The audio from sample {from} to {oldestSample} is no longer kept by whoever feeds the stream.", closed);
        state.History.Restore(state.History.Last(int.MaxValue), live.Origin.Chunk);
        return null;
    }

    /// <summary>
    /// Goes on with another model: with the state, when the model can use it; else as if begun a window before the next chunk, as far back as its audio can
    /// still be had, so that the first chunk that is published has heard its past.
    /// </summary>
    /// <returns>Why not, or null; what could not be bridged; and what has changed.</returns>
    public async Task<(Refusal? Refusal, StreamGap? Gap, ModelChange? Change)> SwitchAsync(LiveStream before, StreamSpec to, long oldestSample)
    {
        await store.Keeper.IdleAsync();
        if (shared.Models.Find(to.Model, out var model) is { } unknown)
        {
            return (unknown, null, null);
        }
        if (SessionFactory.Adopt(model, id.Tenant, to.Alias, before, out var live) is { } full)
        {
            return (full, null, null);
        }
        var (from, nextChunk, gap, closed) = (before.NextSample, state.History.NextChunk, default(StreamGap), Array.Empty<SoundEvent>());
        if (live is null)
        {
            var shape = before.Shape;
            var spec = new StreamSpec { Format = shape.Format, Model = to.Model, Chunk = shape.Chunk, LookAhead = shape.LookAhead, Alias = to.Alias };
            var begin = (long)((nextChunk * shape.Chunk - model.Engine.Model.Config.Window).TotalSeconds * shape.Format.SampleRateHz);
            var events = before.Events.For(before.Model.Card.Labels, model.Card.Labels);
            if (SessionFactory.Open(shared.Models, id.Tenant, spec, Math.Max(begin, oldestSample), before.Begun, shared.Options.Events, out live, events) is { } refusal)
            {
                return (refusal, null, null);
            }
            closed = before.Events.Break();
            state.Lost.Clear(); // its audio comes again
        }
        ledger.Enter(before, closed);
        ledger.End(before);
        store.LetGo(before);
        store.Hold(live);
        ledger.Begin(live.NextSample, Math.Max(nextChunk, 1)); // not a stream's first span
        shared.Instruments.OnContinued(live.Model.Name, "switched");
        shared.Logger.Switched(id, before.Model.Name, live.Model.Name, nextChunk);
        if (live.Origin.Chunk > nextChunk)
        {
            gap = Cold(live, from, $"The audio from sample {from} to {oldestSample}, which model '{live.Model.Name}' needs, is no longer kept by whoever feeds the stream.", []);
            state.History.Restore(state.History.Last(int.MaxValue), live.Origin.Chunk);
        }
        if (!before.Model.Card.Labels.SequenceEqual(live.Model.Card.Labels))
        {
            state.History.Restore([], state.History.NextChunk); // whoever reads them would take them for scores of the new labels
        }
        var change = new ModelChange(before.Shape.Model, live.Shape.Model, state.History.NextChunk, closed);
        Observers.Notify(observer => observer.OnModel(change));
        await store.SaveAsync(); // else a failure would take the stream back to the model of before
        host.Report();
        return (null, gap, change);
    }

    private void HoldNew(LiveStream live)
    {
        store.Hold(live);
        ledger.Begin(live.NextSample, live.Origin.Chunk);
        state.Lost.Clear();
    }

    private StreamGap Cold(LiveStream live, long from, string reason, SoundEvent[] closed)
    {
        var gap = new StreamGap(from, live.NextSample, live.Origin.Chunk, reason) { Events = closed };
        shared.Instruments.OnCold(live.Model.Name);
        shared.Logger.Cold(id, live.NextSample, reason);
        Observers.Notify(observer => observer.OnGap(gap));
        return gap;
    }

    /// <summary>The stream's tail, and its end.</summary>
    public async Task<Outcome<Finished>> EndAsync(LiveStream live, StreamEndReason reason, CancellationToken cancellationToken)
    {
        ChunkTags[] tags = [];
        try
        {
            await live.CompleteAsync(cancellationToken);
        }
        catch (StepQueueFullException busy)
        {
            return new Refusal(RefusalCode.Busy, busy.Message);
        }
        finally
        {
            tags = Publish(live);
        }
        return await CompleteAsync(live, reason) is { } end ? new Finished(tags, end) : state.Moved();
    }

    /// <summary>From live to ended: first in the store, then for observers, then the slot is given back. While the store is away it is owed the end.</summary>
    /// <returns>Null when another silo owns the stream.</returns>
    public async Task<StreamEnd?> CompleteAsync(LiveStream live, StreamEndReason reason)
    {
        await store.Keeper.IdleAsync();
        var closed = live.Events.Complete(live.NextSeconds);
        ledger.Enter(live, closed);
        ledger.End(live);
        await store.SaveEndAsync(state.Snapshot(live, store.Keeper.Epoch, reason) with { Closed = closed });
        if (state.Fenced)
        {
            return null;
        }
        var end = new StreamEnd(reason, live.Heard) { Events = closed };
        state.Ended = new StreamStatus(live.Shape, live.Begun, live.NextSample, state.History.NextChunk, end.Summary, end);
        host.OnActive();
        Observers.Notify(observer => observer.OnEnded(end));
        shared.Instruments.OnEnded(live.Model.Name, reason);
        shared.Logger.Ended(id, reason, state.Ended.NextSample, state.Ended.NextChunk);
        store.LetGo(live);
        host.Report();
        host.Settle();
        return end;
    }

    /// <summary>New chunks: to the history, to observers, and to the caller.</summary>
    public ChunkTags[] Publish(LiveStream live)
    {
        // A stream that was begun again before its next chunk says nothing twice.
        ChunkTags[] tags = [.. live.TakeFresh().Where(chunk => chunk.Index >= state.History.NextChunk)];
        for (var i = 0; i < tags.Length; i++)
        {
            tags[i] = tags[i] with { Events = live.Events.Hear(tags[i]), LostSeconds = state.Lost.Take(tags[i].Index) };
            ledger.Enter(live, tags[i].Events);
            state.History.Add(tags[i]);
        }
        if (tags.Length > 0)
        {
            Observers.Notify(observer => observer.OnTags(tags));
            if (tags.Any(chunk => chunk.Events.Length > 0))
            {
                host.Settle();
            }
            shared.Instruments.OnTagged(live.Model.Name, tags.Length);
        }
        return tags;
    }
}
