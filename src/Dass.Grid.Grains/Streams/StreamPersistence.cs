using Dass.Grid.Engine;
using Dass.Grid.Grains.Checkpoints;
using Dass.Grid.Grains.Sessions;
using Dass.Grid.Grains.Storage;
using Orleans.Storage;

namespace Dass.Grid.Grains.Streams;

/// <summary>
/// A stream's slot on this silo and its place in the store, kept in step: how it wakes, is written, sleeps, moves, and is lost to another silo.
/// </summary>
/// <remarks>Used on the grain's own scheduler only.</remarks>
internal sealed class StreamPersistence(GrainId grain, StreamId id, StreamGrainShared shared, StreamState state, StreamOutbox ledger, IStreamHost host)
{
    public CheckpointStore Keeper { get; } = new(shared.Storage, grain, shared.Instruments);

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

    /// <summary>The stream at rest, with what it owes to the books; null: the store has it.</summary>
    public byte[]? AtRest()
    {
        if (Unsaved is not { } checkpoint)
        {
            return null;
        }
        using var bytes = new PooledBytes();
        checkpoint.WriteTo(bytes, state.Live);
        return bytes.Written.ToArray();
    }

    private Checkpoint? Unsaved => state.Live is { } live ? Snapshot(live) : _owedEnd is { } end ? end with { Ledger = SaveLedger() } : null;

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
            state.Unreadable = new Refusal(RefusalCode.UnknownStream, unusable.Message);
        }
        catch (Exception failure)
        {
            shared.Logger.StoreAway(id, failure);
            state.Unreadable = state.StoreAway();
        }
    }

    /// <summary>Goes on with the state that the activation before has sent.</summary>
    public bool TryContinue(StreamMigrationState luggage)
    {
        (Keeper.ETag, Keeper.DurableSample, state.Weight) = (luggage.ETag, luggage.DurableSample, luggage.Weight);
        try
        {
            var checkpoint = Checkpoint.Read(luggage.Checkpoint);
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
        ledger.Restore(checkpoint.Ledger.Span);
        state.TakeOver(checkpoint, ledger.Lost);
        host.KeepUp();
    }

    /// <summary>From the store back to a slot. A checkpoint that cannot be used leaves the stream unreadable, to begin again with a gap.</summary>
    /// <returns>Why not now, or null.</returns>
    public async Task<Refusal?> WakeAsync()
    {
        if (state.Asleep is not { } asleep || state.Live is not null)
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
                state.Asleep = null;
                TakeOver(checkpoint); // another silo had it meanwhile
                if (state.Ended is not null)
                {
                    return state.HasEnded();
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
            state.Asleep = null;
            state.Unreadable = new Refusal(RefusalCode.UnknownStream, unusable.Message);
        }
        catch (Exception failure)
        {
            shared.Logger.StoreAway(id, failure);
            return state.StoreAway();
        }
        return null;
    }

    private void Continue(LiveStream live, string how)
    {
        state.Asleep = null;
        Hold(live);
        shared.Instruments.OnContinued(live.Model.Name, how);
        shared.Logger.Continued(id, live.NextSample, how);
    }

    /// <summary>The stream takes a slot.</summary>
    public void Hold(LiveStream live)
    {
        state.Live = live;
        live.Weigh(id.Tenant, state.Weight);
        shared.Local.Add(grain);
        host.KeepUp();
        host.ScheduleCheckpoint(NextCheckpoint());
    }

    /// <summary>Gives the slot back.</summary>
    public void LetGo(LiveStream live)
    {
        state.Live = null;
        shared.Local.Remove(grain);
        shared.Instruments.OnLeft(live.Model.Name);
        live.Dispose();
        host.ScheduleCheckpoint(OwesEnd ? shared.Options.CheckpointRetry : null);
    }

    /// <summary>The activation goes; another silo or the store has the stream.</summary>
    public void Leave()
    {
        Owe(null);
        if (state.Live is { } live)
        {
            LetGo(live);
        }
    }

    /// <summary>Writes the state as it is when this is called, or the end that is owed. Never throws: what fails is said, and tried again.</summary>
    public async Task SaveAsync()
    {
        if (state.Live is not { } live)
        {
            await SaveEndAsync();
            return;
        }
        var saved = await TrySaveAsync(Snapshot(live), live);
        if (state.Live == live)
        {
            host.ScheduleCheckpoint(saved ? NextCheckpoint() : shared.Options.CheckpointRetry);
        }
    }

    /// <summary>The stream has ended: to be written now, or as soon as the store takes it. Never throws.</summary>
    public Task SaveEndAsync(Checkpoint end)
    {
        Owe(end);
        return SaveEndAsync();
    }

    private async Task SaveEndAsync()
    {
        if (_owedEnd is { } end)
        {
            var saved = await TrySaveAsync(end with { Ledger = SaveLedger() }, session: null);
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
    private Checkpoint Snapshot(LiveStream live) => state.Snapshot(live, Keeper.Epoch) with { Ledger = SaveLedger() };

    private byte[] SaveLedger() => ledger.Save(host.LastActive, state.LostSeconds());

    private TimeSpan NextCheckpoint() => shared.Options.CheckpointInterval * (2.0 / 3 + Random.Shared.NextDouble() * 2 / 3);

    /// <summary>Somebody else has written the stream's checkpoint: whatever is here is out of date and must not spread.</summary>
    public void Fence()
    {
        shared.Instruments.OnFenced();
        (state.Fenced, state.Asleep, state.Ended) = (true, null, OwesEnd ? null : state.Ended);
        Owe(null);
        if (state.Live is { } live)
        {
            shared.Logger.Fenced(id, live.NextSample);
            LetGo(live);
        }
        host.LetActivationGo();
    }

    /// <summary>To the store, and out of the slot if the store has it.</summary>
    public async Task HibernateAsync(LiveStream live)
    {
        await Keeper.IdleAsync();
        await SaveAsync();
        if (state.Live == live && Keeper.DurableSample == live.NextSample)
        {
            shared.Logger.Hibernated(id, live.NextSample, shared.Options.HibernateAfter);
            state.Asleep = state.Snapshot(live, Keeper.Epoch) with { History = [] };
            LetGo(live);
        }
    }
}
