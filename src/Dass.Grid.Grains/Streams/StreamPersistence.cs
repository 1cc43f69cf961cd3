using Dass.Grid.Engine;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Grains.Checkpoints;
using Dass.Grid.Grains.Sessions;
using Dass.Grid.Grains.Storage;
using Orleans.Storage;

namespace Dass.Grid.Grains.Streams;

/// <summary>
/// A stream's slot on this silo and its record in the store, kept in step: how it wakes, is written, sleeps, moves, and is lost to another
/// silo.
/// </summary>
/// <remarks>Used on the grain's own scheduler only.</remarks>
internal sealed class StreamPersistence(
    GrainId grain, StreamId id, StreamGrainShared shared, StreamState state, StreamOutbox outbox, IStreamHost host)
{
    /// <summary>
    /// The end of the stream that the store does not have yet; until it has, an old checkpoint would wake as a live stream.
    /// </summary>
    private Checkpoint? _owedEnd;

    /// <summary>The store has a change of the chunks' length that this activation has not made.</summary>
    private bool _changeIsLate;

    public CheckpointStore Checkpoints { get; } = new(shared.Storage, grain, shared.Instruments, outbox.Gauge);

    public bool OwesEnd => _owedEnd is not null;

    /// <summary>The stream's state is gone with its device: it goes on from the store, on another silo.</summary>
    private bool IsLost => state.Live is { Model.IsLost: true };

    /// <summary>The stream as its next activation needs it; nothing of a stream that is lost; null: the store has it.</summary>
    public byte[]? ToCarry()
    {
        if (IsLost)
        {
            return [];
        }
        var checkpoint = state.Live is { } live ? Snapshot(live) : _owedEnd is { } end ? end with { Notes = Notes() } : null;
        if (checkpoint is null)
        {
            return null;
        }
        using var bytes = new PooledBytes();
        checkpoint.WriteTo(bytes, state.Live?.State);
        return bytes.Written.ToArray();
    }

    /// <summary>Reads what the store has of the stream.</summary>
    public async Task LoadAsync()
    {
        try
        {
            if (await Checkpoints.LoadAsync() is { } checkpoint)
            {
                Restore(checkpoint);
            }
        }
        catch (SnapshotException unusable)
        {
            state.MarkUnreadable(new Refusal(RefusalCode.UnknownStream, unusable.Message));
        }
        catch (Exception failure)
        {
            shared.LogStoreAway(id, failure);
            state.MarkUnreadable(state.StoreAway());
        }
    }

    /// <summary>Goes on with the state that the activation before has sent.</summary>
    public bool TryContinue(StreamMigrationState migration)
    {
        (Checkpoints.ETag, Checkpoints.DurableSample) = (migration.ETag, migration.DurableSample);
        state.Weigh(migration.Weight);
        try
        {
            var checkpoint = Checkpoint.Read(migration.Checkpoint);
            if (checkpoint.Ended is not null)
            {
                Restore(checkpoint);
                Checkpoints.Epoch = checkpoint.Epoch;
                Owe(checkpoint);
                host.ScheduleCheckpoint(shared.Checkpoints.CheckpointRetry);
                return true;
            }
            var rules = shared.Options.Events;
            if (SessionFactory.Restore(shared.Models, id.Tenant, checkpoint, rules, out var live, moves: true) is { } refusal)
            {
                throw new SnapshotException(refusal.Message);
            }
            Restore(checkpoint, moved: true);
            Checkpoints.Epoch = checkpoint.Epoch;
            Continue(live, "moved");
            return true;
        }
        catch (Exception failure)
        {
            shared.LogNotCarried(id, failure);
            return false;
        }
    }

    /// <summary>
    /// From the store back to a slot. A checkpoint that cannot be used leaves the stream unreadable, to begin again with a gap.
    /// </summary>
    /// <returns>Why not now, or null: the stream is live, or it has not been asleep.</returns>
    public async Task<Refusal?> WakeAsync()
    {
        if (IsLost)
        {
            return Refuse(state.Live!.Model.Lost());
        }
        if (state.Asleep is not { } asleep)
        {
            return null;
        }
        if (shared.IsServedElsewhere(asleep.Shape.Model.Name))
        {
            return Refuse(state.Moved()); // where it keeps its memory
        }
        try
        {
            var checkpoint = asleep;
            if (asleep.Session.IsEmpty)
            {
                checkpoint = await Checkpoints.LoadAsync()
                    ?? throw new SnapshotException("Its checkpoint has been deleted from the store.");
                if ((checkpoint.Epoch, checkpoint.NextSample, checkpoint.Ended) != (asleep.Epoch, asleep.NextSample, null))
                {
                    Restore(checkpoint); // another silo had it meanwhile
                    if (state.Ended is not null)
                    {
                        return state.HasEnded();
                    }
                }
            }
            if (SessionFactory.Restore(shared.Models, id.Tenant, checkpoint, shared.Options.Events, out var live) is { } refusal)
            {
                if (refusal.Code == RefusalCode.NoFreeSlot)
                {
                    host.Leave(); // the store has all of it, and another silo may have room
                }
                return Refuse(refusal);
            }
            Checkpoints.Epoch++; // and to be written at once: a silo that owned the stream before can then write no more
            Continue(live, "restored");
            SaveAsync().Ignore();
        }
        catch (SnapshotException unusable)
        {
            state.MarkUnreadable(new Refusal(RefusalCode.UnknownStream, unusable.Message));
        }
        catch (Exception failure)
        {
            shared.LogStoreAway(id, failure);
            return state.StoreAway();
        }
        return null;
    }

    /// <summary>The refusal. A device that is lost stays so: the stream goes on on another silo.</summary>
    public Refusal Refuse(Refusal refusal)
    {
        if (refusal.Code == RefusalCode.Moved)
        {
            host.Leave();
        }
        return refusal;
    }

    /// <summary>The stream takes a slot.</summary>
    public void Hold(LiveStream live)
    {
        state.Hold(live, shared.Steady.GetUtcNow());
        shared.Local.Add(grain, live.Model.Name);
        outbox.Gauge.UnsavedSince = 0;
        shared.Instruments.Gauges.Add(outbox.Gauge);
        host.StartUpkeep();
        host.ScheduleCheckpoint(NextCheckpoint());
    }

    /// <summary>Another session follows, or the activation goes.</summary>
    public void Release(LiveStream live)
    {
        state.Release();
        GiveBack(live);
    }

    /// <summary>Gives back the slot of a stream that is live no longer.</summary>
    public void GiveBack(LiveStream live)
    {
        shared.Local.Remove(grain);
        outbox.Gauge.UnsavedSince = 0;
        shared.Instruments.OnLeft(live.Model.Name);
        live.Dispose();
        host.ScheduleCheckpoint(OwesEnd ? shared.Checkpoints.CheckpointRetry : null);
    }

    /// <summary>The activation goes; another silo or the store has the stream.</summary>
    public void Leave()
    {
        Owe(null);
        if (state.Live is { } live)
        {
            Release(live);
        }
    }

    /// <summary>
    /// Writes the state as it is when this is called, or the end that is owed. Never throws: what fails is logged, and tried again.
    /// </summary>
    /// <param name="changes">Whether the length of chunks may change.</param>
    /// <param name="sleeps">Whether it is going to sleep: no audio comes after this.</param>
    public async Task SaveAsync(bool changes = true, bool sleeps = false)
    {
        if (state.Live is not { } live)
        {
            await SaveEndAsync();
            return;
        }
        if (IsLost)
        {
            return;
        }
        var plan = changes && !_changeIsLate ? live.ChangeOfPlan(state.History.NextChunk) : null;
        var saved = await TrySaveAsync(
            Snapshot(live, plan, sleeps), live.State, () => _changeIsLate = plan is not null && !live.TryPlan(plan));
        if (state.Live == live)
        {
            host.ScheduleCheckpoint(saved && !_changeIsLate ? NextCheckpoint() : shared.Checkpoints.CheckpointRetry);
        }
    }

    /// <summary>As <see cref="SaveAsync"/>; behind a write that is under way, which has less, another one follows at once.</summary>
    public async Task SaveNewestAsync()
    {
        var hasLess = Checkpoints.IsWriting;
        await SaveAsync();
        if (hasLess && state.Live is not null)
        {
            host.ScheduleCheckpoint(TimeSpan.Zero);
        }
    }

    /// <summary>The stream has ended: to be written now, or as soon as the store takes it. Never throws.</summary>
    public Task SaveEndAsync(Checkpoint end)
    {
        Owe(end);
        return SaveEndAsync();
    }

    /// <summary>Takes an ended stream out of the store.</summary>
    /// <returns>False: its end is still owed, the store is away, or another silo owns the stream.</returns>
    public async Task<bool> TryForgetAsync()
    {
        if (OwesEnd)
        {
            return false;
        }
        try
        {
            await Checkpoints.DeleteAsync();
            return true;
        }
        catch (InconsistentStateException)
        {
            Fence();
        }
        catch (Exception failure)
        {
            shared.LogStoreAway(id, failure);
        }
        return false;
    }

    /// <summary>Another silo has written the stream's checkpoint: what is here is out of date and must not spread.</summary>
    public void Fence()
    {
        shared.Instruments.OnFenced();
        var held = state.Live;
        state.Fence(OwesEnd);
        Owe(null);
        if (held is { } live)
        {
            shared.LogFenced(id, live.NextSample);
            GiveBack(live);
        }
        host.Deactivate();
    }

    /// <summary>To the store, and out of the slot if the store has it.</summary>
    public async Task HibernateAsync(LiveStream live)
    {
        await Checkpoints.IdleAsync();
        await SaveAsync(sleeps: true);
        if (state.Live == live && Checkpoints.DurableSample == live.NextSample)
        {
            shared.LogHibernated(id, live.NextSample, shared.Options.HibernateAfter);
            state.Hibernate(state.Snapshot(live, Checkpoints.Epoch));
            GiveBack(live);
        }
    }

    private void Restore(Checkpoint checkpoint, bool moved = false)
    {
        var notes = CheckpointNotes.FromBytes(checkpoint.Notes.Span);
        if (notes is not null)
        {
            outbox.Restore(notes);
        }
        state.Restore(checkpoint, notes, moved);
        if (state.Ended is null && notes?.LastActive is { } fed && shared.Steady.From(fed) < state.LastActive)
        {
            state.Touch(shared.Steady.From(fed));
        }
        host.StartUpkeep();
    }

    private void Continue(LiveStream live, string how)
    {
        Hold(live);
        shared.Instruments.OnContinued(live.Model.Name, how);
        shared.LogContinued(id, live.NextSample, how);
    }

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

    private async Task SaveEndAsync()
    {
        if (_owedEnd is { } end)
        {
            var saved = await TrySaveAsync(end with { Notes = Notes() }, state: null, onSaved: () => { });
            Owe(saved ? null : _owedEnd);
            host.ScheduleCheckpoint(OwesEnd ? shared.Checkpoints.CheckpointRetry : null);
        }
    }

    /// <returns>False: the store could not be written, or another silo owns the stream.</returns>
    private async Task<bool> TrySaveAsync(Checkpoint checkpoint, CheckpointState? state, Action onSaved)
    {
        try
        {
            return await Checkpoints.SaveAsync(
                checkpoint, state, onSaved,
                failure => shared.LogNotSaved(id, checkpoint.NextSample, Checkpoints.DurableSample, failure));
        }
        catch (InconsistentStateException)
        {
            Fence();
            return false;
        }
        catch (DeviceLostException)
        {
            return false; // the store keeps what it has
        }
    }

    /// <summary>The stream at rest, with what it owes.</summary>
    /// <param name="live">The stream.</param>
    /// <param name="plan">Of its chunks, from this checkpoint on; null: as the stream has it.</param>
    /// <param name="sleeps">It is going to sleep.</param>
    private Checkpoint Snapshot(LiveStream live, ChunkPlan? plan = null, bool sleeps = false) =>
        state.Snapshot(live, Checkpoints.Epoch) with { Notes = Notes(plan, sleeps) };

    private byte[] Notes(ChunkPlan? plan = null, bool sleeps = false)
    {
        var lost = state.LostSeconds();
        using var waiting = new PooledBytes(1 << 10);
        state.Live?.SaveLevels(waiting);
        return (outbox.ToNotes() with
        {
            LastActive = shared.Steady.ToTimeOfDay(state.LastActive),
            Lost = lost.Count > 0 ? lost : null,
            Levels = state.Levels(),
            Waiting = state.Live is null ? null : waiting.Written.ToArray(),
            Heard = state.Shape is { } shape ? HeardAs.From(shape.Format) : null,
            Loss = state.Loss.Note is { } loss ? loss with { Sleeps = sleeps } : null,
            Chunks = plan is null ? state.Live?.ChunkLengths : state.Live?.LengthsBy(plan),
        }).ToBytes();
    }

    private TimeSpan NextCheckpoint() => shared.Checkpoints.CheckpointInterval * (2.0 / 3 + Random.Shared.NextDouble() * 2 / 3);
}
