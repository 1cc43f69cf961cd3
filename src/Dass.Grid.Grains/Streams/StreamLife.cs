using Dass.Grid.Engine;
using Dass.Grid.Grains.Checkpoints;
using Orleans.Storage;

namespace Dass.Grid.Grains.Streams;

/// <summary>How a stream begins, goes on, sleeps and ends: its session, its observers and its place in the store, kept in step.</summary>
/// <remarks>Used on the grain's own scheduler only.</remarks>
internal sealed class StreamLife(GrainId grain, StreamId id, StreamGrainShared shared, IStreamHost host)
{
    public StreamState State { get; } = new(id, shared.Options);

    public ObserverLeases Observers { get; } = new(shared.Time, shared.Options.ObserverLease);

    public StreamLedger Ledger { get; } = new(id, shared);

    public CheckpointKeeper Keeper { get; } = new(shared.Storage, grain, shared.Instruments);

    /// <summary>The end of the stream that the store does not have yet; until it has, an old checkpoint would wake as a live stream.</summary>
    private Checkpoint? _owedEnd;

    public bool OwesEnd => _owedEnd is not null;

    private void Owe(Checkpoint? end)
    {
        _owedEnd = end;
        if (end is null)
        {
            shared.Local.RemoveOwing(grain);
        }
        else
        {
            shared.Local.AddOwing(grain);
        }
    }

    /// <summary>What the store should have of the stream now, with what the stream owes to the books; null: nothing more than it has.</summary>
    public Checkpoint? AtRest => State.Live is { } live ? Snapshot(live) : _owedEnd is { } end ? end with { Ledger = Ledger.Save(host.LastActive) } : null;

    /// <summary>Reads what the store knows of the stream.</summary>
    public async Task LoadAsync()
    {
        try
        {
            if (await Keeper.LoadAsync() is { } checkpoint)
            {
                TakeOver(checkpoint);
            }
        }
        catch (SnapshotException unusable)
        {
            State.Unreadable = new Refusal(RefusalCode.UnknownStream, unusable.Message);
        }
        catch (Exception failure)
        {
            shared.Logger.StoreAway(id, failure);
            State.Unreadable = State.StoreAway();
        }
    }

    /// <summary>Goes on with the state that another silo sent.</summary>
    public bool TryContinue(byte[] carried)
    {
        try
        {
            var checkpoint = Checkpoint.Read(carried);
            if (checkpoint.Ended is not null)
            {
                TakeOver(checkpoint);
                Keeper.Epoch = checkpoint.Epoch;
                Owe(checkpoint);
                host.ScheduleCheckpoint(shared.Options.CheckpointRetry);
                return true;
            }
            if (SessionFactory.Restore(shared.Models, id.Tenant, checkpoint, shared.Options.Events, out var live) is { } refusal)
            {
                throw new SnapshotException(refusal.Message);
            }
            TakeOver(checkpoint);
            Keeper.Epoch = checkpoint.Epoch;
            Continue(live, "moved");
            return true;
        }
        catch (Exception failure)
        {
            shared.Logger.NotCarried(id, failure);
            return false;
        }
    }

    private void TakeOver(Checkpoint checkpoint)
    {
        State.TakeOver(checkpoint);
        Ledger.Restore(checkpoint.Ledger.Span);
        host.KeepUp();
    }

    /// <summary>From the store back to a slot. A checkpoint that cannot be used leaves the stream unreadable, to begin again with a gap.</summary>
    /// <returns>Why not now, or null.</returns>
    public async Task<Refusal?> WakeAsync()
    {
        if (State.Asleep is not { } asleep || State.Live is not null)
        {
            return null;
        }
        try
        {
            if (await Keeper.LoadAsync() is not { } checkpoint)
            {
                throw new SnapshotException("Its checkpoint has been deleted from the store.");
            }
            if ((checkpoint.Epoch, checkpoint.NextSample, checkpoint.Ended) != (asleep.Epoch, asleep.NextSample, null))
            {
                State.Asleep = null;
                State.TakeOver(checkpoint); // another silo had it meanwhile
                Ledger.Restore(checkpoint.Ledger.Span);
                if (State.Ended is not null)
                {
                    return State.HasEnded();
                }
            }
            if (SessionFactory.Restore(shared.Models, id.Tenant, checkpoint, shared.Options.Events, out var live) is { } refusal)
            {
                return refusal;
            }
            Keeper.Epoch++; // and to be written at once: whoever owned the stream before can then write no more
            Continue(live, "restored");
            SaveAsync().Ignore();
        }
        catch (SnapshotException unusable)
        {
            State.Asleep = null;
            State.Unreadable = new Refusal(RefusalCode.UnknownStream, unusable.Message);
        }
        catch (Exception failure)
        {
            shared.Logger.StoreAway(id, failure);
            return State.StoreAway();
        }
        return null;
    }

    private void Continue(LiveStream live, string how)
    {
        State.Asleep = null;
        Hold(live);
        shared.Instruments.OnContinued(live.Model.Name, how);
        shared.Logger.Continued(id, live.NextSample, how);
    }

    /// <summary>A new stream, or one whose state cannot be had: then with a gap.</summary>
    public Refusal? Begin(StreamSpec spec, long oldestSample, out StreamGap? gap)
    {
        gap = null;
        if (SessionFactory.Open(shared.Models, id.Tenant, spec, oldestSample, shared.Time.GetUtcNow(), shared.Options.Events, out var live) is { } refusal)
        {
            return spec.Format is null ? State.Unknown() : refusal;
        }
        Hold(live);
        Ledger.Begin(live.NextSample, live.Origin.Chunk);
        shared.Instruments.OnBegun(live.Model.Name);
        shared.Logger.Begun(id, live.Model.Name);
        if (State.Unreadable is not null || oldestSample > 0)
        {
            gap = Cold(live, live.NextSample, State.Unreadable?.Message ?? "The store has no checkpoint of the stream, and its first audio is no longer kept.", []);
        }
        State.Unreadable = null;
        State.History.Restore(State.History.Last(int.MaxValue), live.Origin.Chunk);
        host.Report();
        return null;
    }

    /// <summary>The audio that the stream needs next is gone.</summary>
    public Refusal? BeginAgain(LiveStream before, StreamSpec spec, long oldestSample, out StreamGap? gap)
    {
        gap = null;
        var (from, closed) = (before.NextSample, before.Events.Break());
        Ledger.Enter(before, closed);
        Ledger.End(before);
        LetGo(before);
        if (SessionFactory.Open(shared.Models, id.Tenant, spec, oldestSample, before.Begun, shared.Options.Events, out var live, before.Events) is { } refusal)
        {
            return refusal;
        }
        Hold(live);
        Ledger.Begin(live.NextSample, live.Origin.Chunk);
        shared.Instruments.OnBegun(live.Model.Name);
        gap = Cold(live, from, $"The audio from sample {from} to {oldestSample} is no longer kept by whoever feeds the stream.", closed);
        State.History.Restore(State.History.Last(int.MaxValue), live.Origin.Chunk);
        return null;
    }

    /// <summary>
    /// Goes on with another model: with the state, when the model can use it; else as if begun a window before the next chunk, as far back as its audio can
    /// still be had, so that the first chunk that is published has heard its past.
    /// </summary>
    /// <returns>Why not, or null; what could not be bridged; and what has changed.</returns>
    public async Task<(Refusal? Refusal, StreamGap? Gap, ModelChange? Change)> SwitchAsync(LiveStream before, StreamSpec to, long oldestSample)
    {
        await Keeper.IdleAsync();
        if (shared.Models.Find(to.Model, out var model) is { } unknown)
        {
            return (unknown, null, null);
        }
        if (SessionFactory.Adopt(model, id.Tenant, to.Alias, before, out var live) is { } full)
        {
            return (full, null, null);
        }
        var (from, nextChunk, gap, closed) = (before.NextSample, State.History.NextChunk, default(StreamGap), Array.Empty<SoundEvent>());
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
        }
        Ledger.Enter(before, closed);
        Ledger.End(before);
        LetGo(before);
        Hold(live);
        Ledger.Begin(live.NextSample, Math.Max(nextChunk, 1)); // not a stream's first span
        shared.Instruments.OnContinued(live.Model.Name, "switched");
        shared.Logger.Switched(id, before.Model.Name, live.Model.Name, nextChunk);
        if (live.Origin.Chunk > nextChunk)
        {
            gap = Cold(live, from, $"The audio from sample {from} to {oldestSample}, which model '{live.Model.Name}' needs, is no longer kept by whoever feeds the stream.", []);
            State.History.Restore(State.History.Last(int.MaxValue), live.Origin.Chunk);
        }
        if (!before.Model.Card.Labels.SequenceEqual(live.Model.Card.Labels))
        {
            State.History.Restore([], State.History.NextChunk); // whoever reads them would take them for scores of the new labels
        }
        var change = new ModelChange(before.Shape.Model, live.Shape.Model, State.History.NextChunk, closed);
        Observers.Notify(observer => observer.OnModel(change));
        await SaveAsync(); // else a failure would take the stream back to the model of before
        host.Report();
        return (null, gap, change);
    }

    private StreamGap Cold(LiveStream live, long from, string reason, SoundEvent[] closed)
    {
        var gap = new StreamGap(from, live.NextSample, live.Origin.Chunk, reason) { Events = closed };
        shared.Instruments.OnCold(live.Model.Name);
        shared.Logger.Cold(id, live.NextSample, reason);
        Observers.Notify(observer => observer.OnGap(gap));
        return gap;
    }

    private void Hold(LiveStream live)
    {
        State.Live = live;
        live.Weigh(id.Tenant, State.Weight);
        shared.Local.Add(grain);
        host.KeepUp();
        host.ScheduleCheckpoint(NextCheckpoint());
    }

    /// <summary>Gives the slot back.</summary>
    public void LetGo(LiveStream live)
    {
        State.Live = null;
        shared.Local.Remove(grain);
        shared.Instruments.OnLeft(live.Model.Name);
        live.Dispose();
        host.ScheduleCheckpoint(null);
    }

    /// <summary>The activation goes; another silo or the store has the stream.</summary>
    public void Leave()
    {
        Owe(null);
        if (State.Live is { } live)
        {
            LetGo(live);
        }
    }

    /// <summary>Writes the state as it is when this is called, or the end that is owed. Never throws: what fails is said, and tried again.</summary>
    public async Task SaveAsync()
    {
        if (State.Live is not { } live)
        {
            await SaveEndAsync();
            return;
        }
        var saved = await TrySaveAsync(Snapshot(live), live);
        if (State.Live == live)
        {
            host.ScheduleCheckpoint(saved ? NextCheckpoint() : shared.Options.CheckpointRetry);
        }
    }

    private async Task SaveEndAsync()
    {
        if (_owedEnd is { } end)
        {
            var saved = await TrySaveAsync(end with { Ledger = Ledger.Save(host.LastActive) }, session: null);
            Owe(saved ? null : _owedEnd);
            host.ScheduleCheckpoint(OwesEnd ? shared.Options.CheckpointRetry : null);
        }
    }

    /// <returns>False: the store could not be written, or another silo owns the stream.</returns>
    private async Task<bool> TrySaveAsync(Checkpoint checkpoint, LiveStream? session)
    {
        try
        {
            return await Keeper.SaveAsync(
                checkpoint, session, failure => shared.Logger.NotSaved(id, checkpoint.NextSample, Keeper.DurableSample, failure));
        }
        catch (InconsistentStateException)
        {
            Fence();
            return false;
        }
    }

    /// <summary>The stream at rest, with what it owes.</summary>
    public Checkpoint Snapshot(LiveStream live) => State.Snapshot(live, Keeper.Epoch) with { Ledger = Ledger.Save(host.LastActive) };

    private TimeSpan NextCheckpoint() => shared.Options.CheckpointInterval * (2.0 / 3 + Random.Shared.NextDouble() * 2 / 3);

    /// <summary>Somebody else has written the stream's checkpoint: whatever is here is out of date and must not spread.</summary>
    public void Fence()
    {
        State.Fenced = true;
        shared.Instruments.OnFenced();
        if (State.Live is { } live)
        {
            shared.Logger.Fenced(id, live.NextSample);
            LetGo(live);
        }
        (State.Asleep, State.Ended) = (null, OwesEnd ? null : State.Ended);
        Owe(null);
        host.LetActivationGo();
    }

    /// <summary>To the store, and out of the slot if the store has it.</summary>
    public async Task HibernateAsync(LiveStream live)
    {
        await Keeper.IdleAsync();
        await SaveAsync();
        if (State.Live == live && Keeper.DurableSample == live.NextSample)
        {
            shared.Logger.Hibernated(id, live.NextSample, shared.Options.HibernateAfter);
            State.Asleep = State.Snapshot(live, Keeper.Epoch) with { History = [] };
            LetGo(live);
        }
    }

    /// <summary>From live to ended: first in the store, then for observers, then the slot is given back. While the store is away it is owed the end.</summary>
    /// <returns>Null when another silo owns the stream.</returns>
    public async Task<StreamEnd?> SealAsync(LiveStream live, StreamEndReason reason)
    {
        await Keeper.IdleAsync();
        var closed = live.Events.Complete(live.NextSeconds);
        Ledger.Enter(live, closed);
        Ledger.End(live);
        Owe(State.Snapshot(live, Keeper.Epoch, reason) with { Closed = closed });
        await SaveEndAsync();
        if (State.Fenced)
        {
            return null;
        }
        var end = new StreamEnd(reason, live.Heard) { Events = closed };
        State.Ended = new StreamStatus(live.Shape, live.Begun, live.NextSample, State.History.NextChunk, end.Summary, end);
        host.OnActive();
        Observers.Notify(observer => observer.OnEnded(end));
        shared.Instruments.OnEnded(live.Model.Name, reason);
        shared.Logger.Ended(id, reason, State.Ended.NextSample, State.Ended.NextChunk);
        LetGo(live);
        host.ScheduleCheckpoint(OwesEnd ? shared.Options.CheckpointRetry : null);
        host.Report();
        host.Settle();
        return end;
    }

    /// <summary>New chunks: to the history, to observers, and to the caller.</summary>
    public ChunkTags[] Publish(LiveStream live)
    {
        // A stream that was begun again before its next chunk says nothing twice.
        ChunkTags[] tags = [.. live.TakeFresh().Where(chunk => chunk.Index >= State.History.NextChunk)];
        for (var i = 0; i < tags.Length; i++)
        {
            tags[i] = tags[i] with { Events = live.Events.Hear(tags[i]) };
            Ledger.Enter(live, tags[i].Events);
            State.History.Add(tags[i]);
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
