using System.Buffers;
using Dass.Grid.Engine;
using Dass.Grid.Grains.Checkpoints;
using Dass.Grid.Grains.Placement;
using Orleans.Placement;
using Orleans.Storage;

namespace Dass.Grid.Grains.Streams;

/// <summary>Owns one stream: nothing yet, then live, perhaps asleep in the store in between, then ended, then forgotten.</summary>
/// <remarks>The state lives in native memory, which automatic movement would not see; so only explicit moves are allowed.</remarks>
[Immovable(ImmovableKind.Any), StreamPlacement]
public sealed partial class StreamGrain : Grain, IStreamGrain, IGrainMigrationParticipant
{
    private const string CarriedStream = "dass.stream";
    private const string CarriedETag = "dass.etag";
    private const string CarriedObservers = "dass.observers";

    private readonly StreamGrainShared _shared;
    private readonly StreamId _id;
    private readonly StreamState _state;
    private readonly ObserverLeases _observers;
    private readonly CheckpointKeeper _keeper;

    private DateTimeOffset _lastActive;
    private IGrainTimer? _upkeep;
    private IGrainTimer? _checkpoints;
    private byte[]? _carried; // a checkpoint on its way from or to another silo

    public StreamGrain(StreamGrainShared shared)
    {
        _shared = shared;
        _logger = shared.Logger;
        _id = StreamId.Parse(this.GetPrimaryKeyString());
        _state = new StreamState(_id, shared.Options);
        _observers = new ObserverLeases(shared.Time, shared.Options.ObserverLease);
        _keeper = new CheckpointKeeper(shared.Storage, this.GetGrainId(), shared.Instruments);
    }

    private ITenantGrain Tenant => GrainFactory.GetGrain<ITenantGrain>(_id.Tenant);

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _lastActive = _shared.Time.GetUtcNow();
        if (_carried is { } carried && TryContinue(carried))
        {
            return;
        }
        try
        {
            if (await _keeper.LoadAsync() is { } checkpoint)
            {
                TakeOver(checkpoint);
            }
        }
        catch (SnapshotException unusable)
        {
            _state.Unreadable = new Refusal(RefusalCode.UnknownStream, unusable.Message);
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            LogStoreAway(_id, failure);
            _state.Unreadable = _state.StoreAway();
        }
    }

    public async Task<Outcome<Attachment>> Attach(StreamSpec spec, Feeder feeder, CancellationToken cancellationToken)
    {
        if (_state.Ended is not null)
        {
            return _state.HasEnded();
        }
        if (_state.Fenced || _state.Unreadable is { Code: RefusalCode.Busy })
        {
            return Unknown();
        }
        if (feeder.Attachment < _state.Attachment)
        {
            return _state.TakenOver();
        }
        if (_state.Shape is { } shape)
        {
            if (ShapeLaw.Differs(_id, shape, spec) is { } differs)
            {
                return differs;
            }
            spec = new StreamSpec { Format = shape.Format, Model = shape.Model.Name, Chunk = shape.Chunk, LookAhead = shape.LookAhead };
        }
        if (await WakeAsync() is { } asleep)
        {
            return asleep;
        }
        var (gap, refusal) = (default(StreamGap), default(Refusal));
        if (_state.Live is not { } live)
        {
            refusal = Begin(spec, feeder.OldestSample, out gap);
        }
        else if (live.NextSample < feeder.OldestSample)
        {
            refusal = BeginAgain(live, spec, feeder.OldestSample, out gap);
        }
        else
        {
            LogResumed(_id, live.NextSample);
        }
        if (refusal is not null)
        {
            return refusal;
        }
        _lastActive = _shared.Time.GetUtcNow();
        _state.Attachment = feeder.Attachment ?? _state.Attachment + 1;
        return new Attachment(_state.Attachment, _state.Live!.NextSample, _state.History.NextChunk, _state.Live.Shape, _keeper.DurableSample, gap);
    }

    public async Task<Outcome<Pushed>> Push(long attachment, AudioBlock audio, CancellationToken cancellationToken)
    {
        if (_state.NotFedBy(attachment) is { } refusal || await WakeAsync() is { } asleep && (refusal = asleep) is not null)
        {
            return refusal;
        }
        if (_state.Live is not { } live)
        {
            return _state.Moved();
        }
        if (live.News(audio, out var news) is { } broken)
        {
            return broken;
        }
        _lastActive = _shared.Time.GetUtcNow();
        var busy = false;
        ChunkTags[] tags = [];
        var started = _shared.Time.GetTimestamp();
        try
        {
            await live.PushAsync(news, cancellationToken);
        }
        catch (AudioFormatException invalid)
        {
            return new Refusal(RefusalCode.InvalidRequest, invalid.Message);
        }
        catch (StepQueueFullException)
        {
            busy = true;
        }
        catch (ObjectDisposedException) when (_state.Fenced)
        {
            return _state.Moved();
        }
        finally
        {
            tags = Publish(live);
        }
        _shared.Instruments.OnPushed(live, news.Length, _shared.Time.GetElapsedTime(started));
        return new Pushed(live.NextSample, tags, busy, _keeper.DurableSample);
    }

    public async Task<Outcome<Durable>> Checkpoint(long attachment, CancellationToken cancellationToken)
    {
        if (_state.NotFedBy(attachment) is { } refusal)
        {
            return refusal;
        }
        if (_state.Live is not null)
        {
            await SaveAsync();
        }
        return _state.Fenced ? _state.Moved() : new Durable(_keeper.DurableSample);
    }

    public async Task<Outcome<Finished>> Finish(long attachment, CancellationToken cancellationToken)
    {
        if (_state.NotFedBy(attachment) is { } refusal || await WakeAsync() is { } asleep && (refusal = asleep) is not null)
        {
            return refusal;
        }
        return _state.Live is { } live ? await End(live, StreamEndReason.Finished, cancellationToken) : _state.Moved();
    }

    public async Task<Outcome<Finished>> Close(CancellationToken cancellationToken)
    {
        if (_state.Ended is { End: { } end })
        {
            return new Finished([], end);
        }
        if (await WakeAsync() is { } asleep)
        {
            return asleep;
        }
        return _state.Live is { } live ? await End(live, StreamEndReason.Closed, cancellationToken) : Unknown();
    }

    public Task<Outcome<StreamStatus>> GetStatus() => Task.FromResult(Status());

    public Task<Outcome<TagPage>> GetTags(long fromChunk, int count) =>
        Task.FromResult<Outcome<TagPage>>(!_state.IsKnown ? Unknown() : _state.History.Page(fromChunk, count));

    public Task<Outcome<StreamStatus>> Subscribe(ITagObserver observer)
    {
        if (_state.Live is not null || _state.Asleep is not null)
        {
            _observers.Renew(observer);
        }
        return Task.FromResult(Status());
    }

    public Task Unsubscribe(ITagObserver observer)
    {
        _observers.Remove(observer);
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        if (_state.Live is not { } live)
        {
            return;
        }
        try
        {
            await _keeper.IdleAsync();
            using var bytes = new PooledBytes();
            _state.Snapshot(live, _keeper.Epoch).WriteTo(bytes, live);
            _carried = bytes.Written.ToArray();
            if (reason.ReasonCode != DeactivationReasonCode.Migrating)
            {
                // Nobody may be there to take the stream: the store has it in any case.
                this.MigrateOnIdle();
                await SaveAsync();
            }
        }
        catch (Exception failure)
        {
            LogNotCarried(_id, failure); // the checkpoint of before is still there
        }
        LetGo(live);
    }

    public void OnDehydrate(IDehydrationContext dehydrationContext)
    {
        if (_carried is { } carried)
        {
            dehydrationContext.AddBytes(CarriedStream, carried);
            dehydrationContext.TryAddValue(CarriedETag, _keeper.ETag ?? "");
            dehydrationContext.TryAddValue(CarriedObservers, _observers.All);
        }
    }

    public void OnRehydrate(IRehydrationContext rehydrationContext)
    {
        if (rehydrationContext.TryGetBytes(CarriedStream, out var carried) && rehydrationContext.TryGetValue<string>(CarriedETag, out var etag))
        {
            _carried = carried.ToArray();
            _keeper.ETag = string.IsNullOrEmpty(etag) ? null : etag;
            if (rehydrationContext.TryGetValue<ITagObserver[]>(CarriedObservers, out var observers))
            {
                Array.ForEach(observers!, _observers.Renew);
            }
        }
    }

    /// <summary>Goes on with the state that another silo sent.</summary>
    private bool TryContinue(byte[] carried)
    {
        _carried = null;
        try
        {
            var checkpoint = Checkpoints.Checkpoint.Read(carried);
            if (SessionFactory.Restore(_shared.Models, checkpoint, out var live) is { } refusal)
            {
                throw new SnapshotException(refusal.Message);
            }
            TakeOver(checkpoint);
            _keeper.Epoch = checkpoint.Epoch;
            Continue(live, "moved");
            return true;
        }
        catch (Exception failure)
        {
            LogNotCarried(_id, failure);
            return false;
        }
    }

    private void TakeOver(Checkpoint checkpoint)
    {
        _state.TakeOver(checkpoint);
        KeepUp();
    }

    private Outcome<StreamStatus> Status() => _state.Status is { } status ? status : Unknown();

    /// <summary>From the store back to a slot. A checkpoint that cannot be used leaves the stream unreadable, to begin again with a gap.</summary>
    /// <returns>Why not now, or null.</returns>
    private async Task<Refusal?> WakeAsync()
    {
        if (_state.Asleep is null || _state.Live is not null)
        {
            return null;
        }
        try
        {
            if (await _keeper.LoadAsync() is not { } checkpoint)
            {
                throw new SnapshotException("Its checkpoint has been deleted from the store.");
            }
            if (SessionFactory.Restore(_shared.Models, checkpoint, out var live) is { } refusal)
            {
                return refusal;
            }
            _keeper.Epoch++; // and to be written at once: whoever owned the stream before can then write no more
            Continue(live, "restored");
            Begin(SaveAsync);
        }
        catch (SnapshotException unusable)
        {
            _state.Asleep = null;
            _state.Unreadable = new Refusal(RefusalCode.UnknownStream, unusable.Message);
        }
        catch (Exception failure)
        {
            LogStoreAway(_id, failure);
            return _state.StoreAway();
        }
        return null;
    }

    private void Continue(LiveStream live, string how)
    {
        _state.Asleep = null;
        Hold(live);
        _shared.Instruments.OnContinued(live.Model.Name, how);
        LogContinued(_id, live.NextSample, how);
    }

    /// <summary>A new stream, or one whose state cannot be had: then with a gap.</summary>
    private Refusal? Begin(StreamSpec spec, long oldestSample, out StreamGap? gap)
    {
        gap = null;
        if (SessionFactory.Open(_shared.Models, spec, oldestSample, _shared.Time.GetUtcNow(), out var live) is { } refusal)
        {
            return spec.Format is null ? Unknown() : refusal;
        }
        Hold(live);
        _shared.Instruments.OnBegun(live.Model.Name);
        LogBegun(_id, live.Model.Name);
        if (_state.Unreadable is not null || oldestSample > 0)
        {
            gap = Cold(live, live.NextSample, _state.Unreadable?.Message ?? "The store has no checkpoint of the stream, and its first audio is no longer kept.");
        }
        _state.Unreadable = null;
        _state.History.Restore(_state.History.Last(int.MaxValue), live.Origin.Chunk);
        Report();
        return null;
    }

    /// <summary>The audio that the stream needs next is gone.</summary>
    private Refusal? BeginAgain(LiveStream before, StreamSpec spec, long oldestSample, out StreamGap? gap)
    {
        gap = null;
        var from = before.NextSample;
        LetGo(before);
        if (SessionFactory.Open(_shared.Models, spec, oldestSample, before.Begun, out var live) is { } refusal)
        {
            return refusal;
        }
        Hold(live);
        _shared.Instruments.OnBegun(live.Model.Name);
        gap = Cold(live, from, $"The audio from sample {from} to {oldestSample} is no longer kept by whoever feeds the stream.");
        _state.History.Restore(_state.History.Last(int.MaxValue), live.Origin.Chunk);
        return null;
    }

    private StreamGap Cold(LiveStream live, long from, string reason)
    {
        var gap = new StreamGap(from, live.NextSample, live.Origin.Chunk, reason);
        _shared.Instruments.OnCold(live.Model.Name);
        LogCold(_id, live.NextSample, reason);
        _observers.Notify(observer => observer.OnGap(gap));
        return gap;
    }

    private void Hold(LiveStream live)
    {
        _state.Live = live;
        _shared.Local.Add(this.GetGrainId());
        KeepUp();
        _checkpoints ??= this.RegisterGrainTimer(
            () =>
            {
                Begin(SaveAsync);
                return Task.CompletedTask;
            },
            new GrainTimerCreationOptions(NextCheckpoint(), Timeout.InfiniteTimeSpan) { KeepAlive = true });
    }

    private void LetGo(LiveStream live)
    {
        _state.Live = null;
        _shared.Local.Remove(this.GetGrainId());
        _shared.Instruments.OnLeft(live.Model.Name);
        live.Dispose();
        _checkpoints?.Dispose();
        _checkpoints = null;
    }

    private void KeepUp() => _upkeep ??= this.RegisterGrainTimer(
        Upkeep, new GrainTimerCreationOptions(_shared.Options.Upkeep, _shared.Options.Upkeep) { KeepAlive = true });

    /// <summary>Writes the state as it is now; the stream is not waited for. Never throws.</summary>
    private async Task SaveAsync()
    {
        if (_state.Live is not { } live)
        {
            return;
        }
        try
        {
            var saved = await _keeper.SaveAsync(_state.Snapshot(live, _keeper.Epoch), live, failure => LogNotSaved(_id, live.NextSample, _keeper.DurableSample, failure));
            _checkpoints?.Change(saved ? NextCheckpoint() : _shared.Options.CheckpointRetry, Timeout.InfiniteTimeSpan);
        }
        catch (InconsistentStateException)
        {
            Fence();
        }
    }

    private static void Begin(Func<Task> work) => work().Ignore();

    private TimeSpan NextCheckpoint() => _shared.Options.CheckpointInterval * (2.0 / 3 + Random.Shared.NextDouble() * 2 / 3);

    /// <summary>Somebody else has written the stream's checkpoint: whatever is here is out of date and must not spread.</summary>
    private void Fence()
    {
        _state.Fenced = true;
        _shared.Instruments.OnFenced();
        if (_state.Live is { } live)
        {
            LogFenced(_id, live.NextSample);
            LetGo(live);
        }
        _state.Asleep = null;
        DeactivateOnIdle();
    }

    private async Task Upkeep(CancellationToken cancellationToken)
    {
        var idle = _shared.Time.GetUtcNow() - _lastActive;
        _shared.Instruments.OnObserversExpired(_observers.Expire());
        if (_state.Ended is not null && idle >= _shared.Options.Retention)
        {
            await ForgetAsync();
        }
        else if (_state.Ended is null && idle >= _shared.Options.IdleTimeout)
        {
            await EndIdle(cancellationToken);
        }
        else if (_state.Live is { } live && idle >= _shared.Options.HibernateAfter)
        {
            await HibernateAsync(live);
        }
        if (_state.IsKnown)
        {
            Report();
        }
    }

    private async Task HibernateAsync(LiveStream live)
    {
        await _keeper.IdleAsync();
        await SaveAsync();
        if (_state.Live == live && _keeper.DurableSample == live.NextSample)
        {
            LogHibernated(_id, live.NextSample, _shared.Options.HibernateAfter);
            _state.Asleep = _state.Snapshot(live, _keeper.Epoch) with { History = [] };
            LetGo(live);
        }
    }

    private async Task EndIdle(CancellationToken cancellationToken)
    {
        if (await WakeAsync() is not null || _state.Live is not { } live)
        {
            return; // tried again at the next upkeep
        }
        LogIdle(_id, live.NextSample, _shared.Options.IdleTimeout);
        try
        {
            await End(live, StreamEndReason.Idle, cancellationToken);
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            // The tail cannot be tagged; the slot must be free all the same.
            LogTailFailed(_id, failure);
            await SealAsync(live, StreamEndReason.Idle);
        }
    }

    private async Task ForgetAsync()
    {
        try
        {
            await _keeper.DeleteAsync();
        }
        catch (InconsistentStateException)
        {
            Fence();
            return;
        }
        catch (Exception failure)
        {
            LogStoreAway(_id, failure);
            return; // tried again at the next upkeep
        }
        Tenant.Forget(_id.Name).Ignore();
        _upkeep?.Dispose();
        DeactivateOnIdle();
    }

    private async Task<Outcome<Finished>> End(LiveStream live, StreamEndReason reason, CancellationToken cancellationToken)
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
        return await SealAsync(live, reason) is { } end ? new Finished(tags, end) : _state.Moved();
    }

    /// <summary>From live to ended: first in the store, then for observers, then the slot is given back.</summary>
    /// <returns>Null when another silo owns the stream.</returns>
    private async Task<StreamEnd?> SealAsync(LiveStream live, StreamEndReason reason)
    {
        await _keeper.IdleAsync();
        try
        {
            await _keeper.SaveAsync(
                _state.Snapshot(live, _keeper.Epoch, reason), session: null, failure => LogNotSaved(_id, live.NextSample, _keeper.DurableSample, failure));
        }
        catch (InconsistentStateException)
        {
            Fence();
            return null;
        }
        var end = new StreamEnd(reason, live.Heard);
        _state.Ended = new StreamStatus(live.Shape, live.Begun, live.NextSample, _state.History.NextChunk, end.Summary, end);
        _lastActive = _shared.Time.GetUtcNow();
        _observers.Notify(observer => observer.OnEnded(end));
        _shared.Instruments.OnEnded(live.Model.Name, reason);
        LogEnded(_id, reason, _state.Ended.NextSample, _state.Ended.NextChunk);
        LetGo(live);
        Report();
        return end;
    }

    private ChunkTags[] Publish(LiveStream live)
    {
        var tags = live.TakeFresh();
        foreach (var chunk in tags)
        {
            _state.History.Add(chunk);
        }
        if (tags.Length > 0)
        {
            _observers.Notify(observer => observer.OnTags(tags));
            _shared.Instruments.OnTagged(live.Model.Name, tags.Length);
        }
        return tags;
    }

    /// <summary>Nobody waits for the tenant's list: it may stand on a silo that is gone.</summary>
    private void Report() => Tenant.Report(_state.Listing).Ignore();

    /// <summary>Also lets the activation go: nobody may fill the silo with names.</summary>
    private Refusal Unknown()
    {
        DeactivateOnIdle();
        return _state.Unknown();
    }
}
