using Dass.Grid.Engine;
using Dass.Grid.Grains.Checkpoints;
using Dass.Grid.Grains.Sessions;

namespace Dass.Grid.Grains.Streams;

/// <summary>How a stream begins, goes on, changes its model and ends; what it sends to its observers and its tenant meanwhile.</summary>
/// <remarks>Used on the grain's own scheduler only.</remarks>
internal sealed class StreamLifecycle(
    StreamId id, StreamGrainShared shared, StreamState state, StreamOutbox outbox, StreamPersistence persistence)
{
    public ObserverLeases Observers { get; } = new(shared.Steady, shared.Options.ObserverLease);

    /// <summary>The stream sleeps, and the model that has heard it is on no silo any more, or has other weights here.</summary>
    private bool IsWithoutModel =>
        state.Asleep?.Shape.Model is { } heard && shared.Models.Find(heard.Name, out var model) switch
        {
            null => model.Card.Summary.Hash != heard.Hash,
            { Code: RefusalCode.UnknownModel } => !shared.IsServedElsewhere(heard.Name),
            _ => false,
        };

    /// <summary>A new stream, or one whose state cannot be had: then with a gap.</summary>
    public Refusal? Begin(StreamSpec spec, Feeder feeder, out StreamGap? gap)
    {
        gap = null;
        var (oldestSample, begun) = (feeder.OldestSample, feeder.Begun ?? shared.Time.GetUtcNow());
        if (SessionFactory.Open(shared.Models, id.Tenant, spec, oldestSample, begun, shared.Options.Events, out var live) is { } refusal)
        {
            return spec.Format is null ? state.Unknown() : refusal;
        }
        var lost = state.Unreadable?.Message
            ?? (oldestSample > 0 ? "The store has no checkpoint of the stream, and its first audio is no longer kept." : null);
        if (feeder.Attachment is not null || feeder.Begun is not null)
        {
            live.HearAgain();
        }
        HoldNew(live);
        state.Loss.Begin(spec.Source?.LostAfter, live.NextSample, live.Shape.Format.SampleRateHz);
        shared.Instruments.OnBegun(live.Model.Name);
        shared.LogBegun(id, live.Model.Name);
        if (lost is not null)
        {
            gap = PublishGap(live, live.NextSample, lost, [], "checkpoint");
        }
        state.History.Restore([], live.Origin.Chunk); // an unusable checkpoint's chunks may have other labels
        persistence.Checkpoints.DurableSample = Math.Min(persistence.Checkpoints.DurableSample, live.NextSample);
        Report();
        return null;
    }

    /// <summary>The audio that the stream needs next is gone.</summary>
    public Refusal? BeginAgain(LiveStream before, StreamSpec spec, long oldestSample, out StreamGap? gap)
    {
        gap = null;
        var (from, closed) = (before.NextSample, before.Events.Break());
        outbox.Add(before, closed);
        outbox.EndSpan(before);
        persistence.Release(before);
        var (begun, rules) = (before.Begun, shared.Options.Events);
        spec = spec with { LatencyBudget = spec.LatencyBudget ?? before.LatencyBudget };
        if (SessionFactory.Open(shared.Models, id.Tenant, spec, oldestSample, begun, rules, out var live, before.Events, hadSlot: true)
            is { } refusal)
        {
            return refusal;
        }
        HoldNew(live);
        shared.Instruments.OnBegun(live.Model.Name);
        var reason = $"The audio from sample {from} to {oldestSample} is no longer kept by the stream's feeder.";
        gap = PublishGap(live, from, reason, closed, "feeder");
        state.History.Restore(state.History.Last(int.MaxValue), live.Origin.Chunk);
        return null;
    }

    /// <summary>
    /// Goes on with another model: with the state, when the model can use it; else as if begun a window before the next chunk, as far back
    /// as its audio can still be had, so that the first chunk that is published has heard its past.
    /// </summary>
    /// <returns>Why not, or null; what could not be bridged; and what has changed.</returns>
    public async Task<(Refusal? Refusal, StreamGap? Gap, ModelChange? Change)> SwitchAsync(
        LiveStream before, StreamSpec to, long oldestSample)
    {
        await persistence.Checkpoints.IdleAsync();
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
            var spec = new StreamSpec
            {
                Format = shape.Format, Model = to.Model, Chunk = shape.Chunk, LookAhead = shape.LookAhead, Alias = to.Alias,
                Captured = shape.Captured, LatencyBudget = before.LatencyBudget,
            };
            // Chunks of which no client has been told are heard again.
            var spared = state.History.Newest is { } newest && newest.Index == nextChunk - 1
                ? (long)Math.Round(newest.EndSeconds / shape.Chunk.TotalSeconds) - nextChunk
                : before.SparedChunks;
            var window = (nextChunk + spared) * shape.Chunk - model.Engine.Model.Config.Window;
            var begin = Math.Max((long)(window.TotalSeconds * shape.Format.SampleRateHz), oldestSample);
            var events = before.Events.For(before.Model.Card.Labels, model.Card.Labels);
            var (begun, rules) = (before.Begun, shared.Options.Events);
            if (SessionFactory.Open(shared.Models, id.Tenant, spec, begin, begun, rules, out live, events, spared) is { } refusal)
            {
                return (refusal, null, null);
            }
            closed = before.Events.Break();
            state.Lost.Clear(); // its audio comes again
        }
        outbox.Add(before, closed);
        outbox.EndSpan(before);
        persistence.Release(before);
        persistence.Hold(live);
        outbox.BeginSpan(live.NextSample, Math.Max(nextChunk, 1)); // not a stream's first span
        shared.Instruments.OnContinued(live.Model.Name, "switched");
        shared.LogSwitched(id, before.Model.Name, live.Model.Name, nextChunk);
        if (live.Origin.Chunk > nextChunk)
        {
            gap = PublishGap(
                live,
                from,
                $"The audio from sample {from} to {oldestSample}, which model '{live.Model.Name}' needs, is no longer kept by the stream's "
                    + "feeder.",
                [],
                "model");
            state.History.Restore(state.History.Last(int.MaxValue), live.Origin.Chunk);
        }
        if (!before.Model.Card.HasSoundsOf(live.Model.Card))
        {
            state.History.Restore([], state.History.NextChunk); // readers would take them for scores of the new labels
        }
        var change = new ModelChange(before.Shape.Model, live.Shape.Model, state.History.NextChunk, closed);
        Observers.Notify(observer => observer.OnModel(change));
        await persistence.SaveAsync(); // else a failure would take the stream back to the model of before
        Report();
        return (null, gap, change);
    }

    /// <summary>A stream that gets no audio for too long is an event, which no chunk can tell of.</summary>
    public void WatchSource()
    {
        if (state.Loss.TryOpen())
        {
            var opened = state.Loss.Open!;
            Observers.Notify(observer => observer.OnLost(opened, state.History.NextChunk));
            shared.LogLost(id, opened.OffsetSeconds - opened.OnsetSeconds);
            persistence.SaveNewestAsync().Ignore(); // the next silo knows since when
        }
    }

    /// <summary>The stream's tail, and its end.</summary>
    public async Task<Outcome<Finished>> EndAsync(LiveStream live, StreamEndReason reason, CancellationToken cancellationToken)
    {
        ChunkTags[] tags = [];
        try
        {
            await live.CompleteAsync(reason, cancellationToken);
        }
        catch (Exception busy) when (busy is StepQueueFullException or DeviceMemoryException)
        {
            return new Refusal(RefusalCode.Busy, busy.Message);
        }
        catch (DeviceLostException)
        {
            return live.Model.Lost();
        }
        finally
        {
            tags = Publish(live);
        }
        return await CompleteAsync(live, reason) is { } end ? new Finished(tags, end) : state.Moved();
    }

    /// <summary>Completes an end that was begun by a call which is over, because its client went away or the device was busy.</summary>
    /// <returns>Null: none was begun.</returns>
    public async Task<Refusal?> EndBegunAsync(CancellationToken cancellationToken) =>
        state.Live is { Ending: { } reason } live
            ? (await EndAsync(live, reason, cancellationToken)).Has(out _, out var refusal) ? state.HasEnded() : refusal
            : null;

    /// <summary>
    /// Does what a call has left that is over, because its client went away or the device was busy: the end that it began, or the step of a
    /// chunk that is complete. Never throws: what fails is tried again at the next upkeep.
    /// </summary>
    public async Task ResumeAsync(CancellationToken cancellationToken)
    {
        if (state.Live is not { } live || (live.Ending is null && state.Attached))
        {
            return;
        }
        try
        {
            if (live.Ending is not null)
            {
                await EndBegunAsync(cancellationToken);
                return;
            }
            await live.PushAsync(new AudioBlock(live.NextSample, default), cancellationToken);
        }
        catch (Exception failure)
        {
            shared.LogNotResumed(id, live.NextSample, failure);
        }
        Publish(live);
    }

    /// <summary>The end of a stream that gets no audio.</summary>
    public async Task EndIdleAsync(CancellationToken cancellationToken)
    {
        if (IsWithoutModel)
        {
            await EndAsleepAsync(state.Asleep!, StreamEndReason.Idle);
            return;
        }
        if (await persistence.WakeAsync() is not null || state.Live is not { } live)
        {
            return; // tried again at the next upkeep
        }
        var reason = live.Ending ?? StreamEndReason.Idle;
        shared.LogIdle(id, live.NextSample, shared.Options.IdleTimeout);
        try
        {
            await EndAsync(live, reason, cancellationToken);
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            // The tail cannot be tagged; the slot must be free all the same.
            shared.LogTailFailed(id, failure);
            await CompleteAsync(live, reason);
        }
    }

    /// <summary>
    /// From live to ended: first in the store, then for observers, then the slot is given back. While the store is away it is owed the end.
    /// </summary>
    /// <returns>Null when another silo owns the stream.</returns>
    public async Task<StreamEnd?> CompleteAsync(LiveStream live, StreamEndReason reason)
    {
        await persistence.Checkpoints.IdleAsync();
        var closed = live.Events.Complete(live.NextSeconds);
        closed = [.. closed, .. state.Loss.Complete()];
        outbox.Add(live, closed);
        outbox.EndSpan(live);
        await persistence.SaveEndAsync(state.Snapshot(live, persistence.Checkpoints.Epoch, reason) with { Closed = closed });
        if (state.Fenced)
        {
            return null;
        }
        var end = new StreamEnd(reason, live.Heard) { Events = closed, Begun = live.Begun, NextChunk = state.History.NextChunk };
        TellEnd(new StreamStatus(live.Shape, live.Begun, live.NextSample, state.History.NextChunk, end.Summary, end));
        persistence.GiveBack(live);
        Report();
        outbox.Deliver();
        return end;
    }

    /// <summary>
    /// The end of a stream that no model can take up any more: without its tail, and without the ends of its sounds that are under way.
    /// </summary>
    private async Task EndAsleepAsync(Checkpoint asleep, StreamEndReason reason)
    {
        shared.LogIdle(id, asleep.NextSample, shared.Options.IdleTimeout);
        await persistence.Checkpoints.IdleAsync();
        var closed = state.Loss.Complete();
        outbox.Add(asleep.Shape, asleep.Begun, [], closed);
        outbox.EndSpan(asleep.Shape, asleep.Begun, asleep.NextSample);
        await persistence.SaveEndAsync(state.Snapshot(asleep, ++persistence.Checkpoints.Epoch, reason) with { Closed = closed });
        if (state.Fenced)
        {
            return;
        }
        var end = new StreamEnd(reason, asleep.Summary) { Events = closed, Begun = asleep.Begun, NextChunk = state.History.NextChunk };
        TellEnd(new StreamStatus(asleep.Shape, asleep.Begun, asleep.NextSample, state.History.NextChunk, end.Summary, end));
        Report();
        outbox.Deliver();
    }

    private void TellEnd(StreamStatus status)
    {
        var end = status.End!;
        state.End(status);
        state.Touch(shared.Steady.GetUtcNow());
        Observers.Notify(observer => observer.OnEnded(end));
        shared.Instruments.OnEnded(status.Shape.Model.Name, end.Reason);
        shared.LogEnded(id, end.Reason, status.NextSample, status.NextChunk);
    }

    /// <summary>New chunks: to the history, to observers, and to the caller.</summary>
    public ChunkTags[] Publish(LiveStream live)
    {
        var tags = live.Take(state.History.NextChunk).ToArray();
        for (var i = 0; i < tags.Length; i++)
        {
            tags[i] = tags[i] with { LostSeconds = state.Lost.Take(tags[i], live.Shape) };
            tags[i] = state.Loss.Take() is { Length: > 0 } closed ? tags[i] with { Events = [.. tags[i].Events, .. closed] } : tags[i];
            outbox.Add(live, tags[i].Events);
            state.History.Add(tags[i]);
        }
        if (tags.Length > 0)
        {
            Observers.Notify(observer => observer.OnTags(tags));
            if (tags.Any(chunk => chunk.Events.Length > 0))
            {
                outbox.Deliver();
            }
            shared.Instruments.OnTagged(live.Model.Name, tags.Length);
        }
        return tags;
    }

    /// <summary>A push has taken in audio, and completed so many chunks.</summary>
    public void Measure(LiveStream live, AudioBlock audio, int chunks, TimeSpan duration)
    {
        var rate = (double)live.Shape.Format.SampleRateHz;
        var seconds = (audio.Data.Length / live.Shape.BytesPerFrame + audio.LostBefore) / rate;
        shared.Instruments.OnPushed(live.Model.Name, seconds, audio.LostBefore / rate);
        outbox.Gauge.OnPushed();
        if (chunks > 0)
        {
            state.Tag(duration);
            shared.Instruments.OnPushTagged(live.Model.Name, duration);
        }
    }

    /// <summary>A known stream, to the tenant's list. Not waited for: it may stand on a silo that is gone.</summary>
    public void Report()
    {
        if (state.IsKnown)
        {
            shared.Grains.GetGrain<ITenantGrain>(id.Tenant).Report(state.Listing).Ignore();
        }
    }

    /// <summary>No silo holds what only waits: neither time nor any client needs the stream here before audio comes.</summary>
    /// <returns>What its tenant takes over; null: it stays.</returns>
    public StreamRest? Rest()
    {
        var idle = shared.Steady.GetUtcNow() - state.LastActive;
        return state.Asleep is null || state.Attached || state.Loss.IsPending || !outbox.IsEmpty || !Observers.IsEmpty
            || idle >= shared.Options.IdleTimeout
            ? null
            : new StreamRest(state.Listing, shared.Steady.ToTimeOfDay(state.LastActive));
    }

    private void HoldNew(LiveStream live)
    {
        persistence.Hold(live);
        outbox.BeginSpan(live.NextSample, live.Origin.Chunk);
        state.Lost.Clear();
    }

    private StreamGap PublishGap(LiveStream live, long from, string reason, SoundEvent[] closed, string cause)
    {
        var gap = new StreamGap(from, live.NextSample, live.Origin.Chunk, reason) { Events = closed };
        var seconds = Math.Max(0, (double)(live.NextSample - from) / live.Shape.Format.SampleRateHz);
        shared.Instruments.OnCold(live.Model.Name, cause, seconds);
        shared.LogGap(id, live.NextSample, reason);
        state.MarkGap(gap);
        Observers.Notify(observer => observer.OnGap(gap));
        return gap;
    }
}
