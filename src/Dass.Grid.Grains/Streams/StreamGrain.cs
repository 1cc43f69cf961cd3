using Dass.Grid.Engine;
using Dass.Grid.Grains.Placement;
using Dass.Grid.Grains.Sessions;
using Orleans.Placement;
using Orleans.Storage;

namespace Dass.Grid.Grains.Streams;

/// <summary>Owns one stream: nothing yet, then live, perhaps asleep in the store in between, then ended, then forgotten.</summary>
/// <remarks>The state lives in native memory, which automatic movement would not see; so only explicit moves are allowed.</remarks>
[Immovable(ImmovableKind.Any), StreamPlacement, GrainType("stream")]
public sealed class StreamGrain : Grain, IStreamGrain, IGrainMigrationParticipant, IStreamHost, IDisposable
{
    private readonly StreamGrainShared _shared;
    private readonly StreamId _id;
    private readonly StreamOutbox _ledger;
    private readonly StreamPersistence _store;
    private readonly StreamLifecycle _life;

    private DateTimeOffset _lastActive;
    private IGrainTimer? _upkeep;
    private IGrainTimer? _checkpoints;
    private StreamMigrationState? _luggage; // on its way from or to another silo
    private bool _owesEnd; // as this activation went, the store lacked the stream's end

    public StreamGrain(StreamGrainShared shared)
    {
        _shared = shared;
        _id = StreamId.Parse(this.GetPrimaryKeyString());
        State = new StreamState(_id, shared.Options);
        _ledger = new StreamOutbox(_id, shared);
        _store = new StreamPersistence(this.GetGrainId(), _id, shared, State, _ledger, this);
        _life = new StreamLifecycle(_id, shared, State, _ledger, _store, this);
    }

    private StreamState State { get; }

    private ITenantGrain Tenant => GrainFactory.GetGrain<ITenantGrain>(_id.Tenant);

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _lastActive = _shared.Time.GetUtcNow();
        (var luggage, _luggage) = (_luggage, null);
        Array.ForEach(luggage?.Observers ?? [], _life.Observers.Renew);
        if (luggage is null || !_store.TryContinue(luggage))
        {
            await _store.LoadAsync();
        }
        if (State.Ended is null && _ledger.LastActive < _lastActive)
        {
            _lastActive = _ledger.LastActive.Value;
        }
    }

    public async Task<Outcome<Attachment>> Attach(StreamSpec spec, Feeder feeder, CancellationToken cancellationToken)
    {
        if (State.Ended is not null)
        {
            return State.HasEnded();
        }
        if (State.Fenced || State.Unreadable is { Code: RefusalCode.Busy })
        {
            return Unknown();
        }
        if (feeder.Attachment < State.Attachment)
        {
            return State.TakenOver();
        }
        State.Weight = spec.Weight ?? State.Weight;
        State.Live?.Weigh(_id.Tenant, State.Weight);
        var switchTo = spec is { SwitchModel: true, Model: { } other } && State.Shape is { } has && has.Model.Name != other ? spec : null;
        if (State.Shape is { } shape)
        {
            if (StreamShapeRules.Differs(_id, shape, spec) is { } differs)
            {
                return differs;
            }
            spec = shape.Of(spec);
        }
        if (await _store.WakeAsync() is { } asleep)
        {
            return asleep;
        }
        var (gap, refusal, change) = (default(StreamGap), default(Refusal), default(ModelChange));
        if (State.Live is not { } live)
        {
            // A stream that is taken up again has been promised its place.
            refusal = (feeder.Attachment is null ? SessionFactory.Overload(_shared.Models, spec, _shared.Options.MaxLiveWait) : null)
                ?? _life.Begin(spec, feeder.OldestSample, out gap);
            if (refusal is null && feeder.Attachment is not null)
            {
                _store.SaveAsync().Ignore(); // another activation of the stream may still be writing: one of the two learns at once that it is late
            }
        }
        else if (switchTo is not null)
        {
            (refusal, gap, change) = await _life.SwitchAsync(live, switchTo, feeder.OldestSample);
        }
        else if (live.NextSample < feeder.OldestSample)
        {
            refusal = _life.BeginAgain(live, spec, feeder.OldestSample, out gap);
        }
        else
        {
            _shared.Logger.Resumed(_id, live.NextSample);
        }
        if (refusal is not null)
        {
            return refusal;
        }
        _lastActive = _shared.Time.GetUtcNow();
        State.Attachment = feeder.Attachment ?? State.Attachment + 1;
        return new Attachment(State.Attachment, State.Live!.NextSample, State.History.NextChunk, State.Live.Shape, _store.Keeper.DurableSample, gap)
        {
            Change = change,
        };
    }

    public async Task<Outcome<Pushed>> Push(long attachment, AudioBlock audio, CancellationToken cancellationToken)
    {
        if ((State.NotFedBy(attachment) ?? await _store.WakeAsync()) is { } refusal)
        {
            return refusal;
        }
        if (State.Live is not { } live)
        {
            return State.Moved();
        }
        if (live.News(audio, out var news) is { } broken)
        {
            return broken;
        }
        _lastActive = _shared.Time.GetUtcNow();
        var busy = false;
        ChunkTags[] tags = [];
        var (started, from) = (_shared.Time.GetTimestamp(), live.NextSample);
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
        catch (ObjectDisposedException) when (State.Fenced)
        {
            return State.Moved();
        }
        finally
        {
            State.Lost.Enter(audio, from, live.NextSample, live.Shape);
            tags = _life.Publish(live);
        }
        _shared.Instruments.OnPushed(live, news.Length, _shared.Time.GetElapsedTime(started));
        return new Pushed(live.NextSample, tags, busy, _store.Keeper.DurableSample) { DeviceWait = live.DeviceWait, CatchesUp = live.CatchesUp };
    }

    public async Task<Outcome<Durable>> Checkpoint(long attachment, CancellationToken cancellationToken)
    {
        if (State.NotFedBy(attachment) is { } refusal)
        {
            return refusal;
        }
        if (State.Live is not null)
        {
            await _store.Keeper.IdleAsync(); // a write that is under way has less
            await _store.SaveAsync();
        }
        return State.Fenced ? State.Moved() : new Durable(_store.Keeper.DurableSample);
    }

    public async Task<Outcome<Finished>> Finish(long attachment, CancellationToken cancellationToken)
    {
        if ((State.NotFedBy(attachment) ?? await _store.WakeAsync()) is { } refusal)
        {
            return refusal;
        }
        return State.Live is { } live ? await _life.EndAsync(live, StreamEndReason.Finished, cancellationToken) : State.Moved();
    }

    public async Task<Outcome<Finished>> Close(CancellationToken cancellationToken)
    {
        var asleep = await _store.WakeAsync();
        if (State.Ended is { End: { } end })
        {
            return new Finished([], end);
        }
        if (asleep is not null)
        {
            return asleep;
        }
        return State.Live is { } live ? await _life.EndAsync(live, StreamEndReason.Closed, cancellationToken) : Unknown();
    }

    public async Task<Outcome<StreamRest>> Touch()
    {
        if (!State.IsKnown)
        {
            var unknown = Unknown();
            // What a silo of another version wrote is no longer unusable when the upgrade is done.
            return State.Unreadable is { Code: not RefusalCode.Busy } ? unknown with { Code = RefusalCode.Busy, RetryAfter = _shared.Options.IdleTimeout } : unknown;
        }
        await _ledger.SettleNowAsync(GrainFactory);
        var rests = State is { Asleep: not null, Live: null } && _life.Observers.IsEmpty && _shared.Time.GetUtcNow() - _lastActive < _shared.Options.IdleTimeout;
        if (rests)
        {
            DeactivateOnIdle(); // no silo holds what only waits
        }
        return new StreamRest(State.Listing, rests ? _lastActive : null);
    }

    public Task<Outcome<StreamStatus>> GetStatus() => Task.FromResult(Status());

    public Task<Outcome<TagPage>> GetTags(long fromChunk, int count) =>
        Task.FromResult<Outcome<TagPage>>(!State.IsKnown ? Unknown() : State.History.Page(fromChunk, count));

    public Task<Outcome<StreamStatus>> Subscribe(ITagObserver observer)
    {
        if (State.Live is not null || State.Asleep is not null)
        {
            _life.Observers.Renew(observer);
        }
        return Task.FromResult(Status());
    }

    public Task Unsubscribe(ITagObserver observer)
    {
        _life.Observers.Remove(observer);
        if (!State.IsKnown)
        {
            DeactivateOnIdle(); // it was made by this very call
        }
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        try
        {
            await _store.Keeper.IdleAsync();
            if (_store.AtRest() is not { } checkpoint)
            {
                return;
            }
            _shared.Local.Leave(this.GetGrainId(), this);
            if (reason.ReasonCode != DeactivationReasonCode.Migrating)
            {
                // Nobody may be there to take the stream: the store has it in any case.
                this.MigrateOnIdle();
                await _store.SaveAsync();
            }
            if (!State.Fenced) // else another silo's state is newer
            {
                _luggage = new StreamMigrationState(checkpoint, _store.Keeper.ETag, _store.Keeper.DurableSample, _life.Observers.All, State.Weight);
            }
            _owesEnd = _store.OwesEnd;
        }
        catch (Exception failure)
        {
            _shared.Logger.NotCarried(_id, failure); // the checkpoint of before is still there
        }
        _store.Leave();
    }

    public void OnDehydrate(IDehydrationContext dehydrationContext)
    {
        _luggage?.Pack(dehydrationContext);
        _luggage = null;
    }

    public void OnRehydrate(IRehydrationContext rehydrationContext) => _luggage = StreamMigrationState.Unpack(rehydrationContext);

    /// <summary>The activation has gone. What it has sent to another silo has arrived, or been refused.</summary>
    public void Dispose()
    {
        _shared.Local.Left(this.GetGrainId(), this);
        if (_owesEnd && _luggage is not null)
        {
            _shared.Logger.EndLost(_id);
        }
    }

    private Outcome<StreamStatus> Status() => State.Status is { } status ? status : Unknown();

    void IStreamHost.KeepUp() => _upkeep ??= this.RegisterGrainTimer(
        Upkeep, new GrainTimerCreationOptions(_shared.Options.Upkeep, _shared.Options.Upkeep) { KeepAlive = true });

    private async Task Upkeep(CancellationToken cancellationToken)
    {
        var idle = _shared.Time.GetUtcNow() - _lastActive;
        _shared.Instruments.OnObserversExpired(_life.Observers.Expire());
        _ledger.Settle(GrainFactory, State.Live);
        if (State.Ended is not null && idle >= _shared.Options.Retention)
        {
            await ForgetAsync();
            return;
        }
        if (State.Ended is null && idle >= _shared.Options.IdleTimeout)
        {
            await EndIdle(cancellationToken);
        }
        else if (State.Live is { } live && idle >= _shared.Options.HibernateAfter)
        {
            await _store.HibernateAsync(live);
        }
        if (State.IsKnown)
        {
            Report();
        }
    }

    private async Task EndIdle(CancellationToken cancellationToken)
    {
        if (await _store.WakeAsync() is not null || State.Live is not { } live)
        {
            return; // tried again at the next upkeep
        }
        _shared.Logger.Idle(_id, live.NextSample, _shared.Options.IdleTimeout);
        try
        {
            await _life.EndAsync(live, StreamEndReason.Idle, cancellationToken);
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            // The tail cannot be tagged; the slot must be free all the same.
            _shared.Logger.TailFailed(_id, failure);
            await _life.CompleteAsync(live, StreamEndReason.Idle);
        }
    }

    private async Task ForgetAsync()
    {
        if (!_ledger.IsSettled || _store.OwesEnd)
        {
            return; // tried again at the next upkeep
        }
        try
        {
            await _store.Keeper.DeleteAsync();
        }
        catch (InconsistentStateException)
        {
            _store.Fence();
            return;
        }
        catch (Exception failure)
        {
            _shared.Logger.StoreAway(_id, failure);
            return; // tried again at the next upkeep
        }
        Tenant.Forget(_id.Name).Ignore();
        _upkeep?.Dispose();
        DeactivateOnIdle();
    }

    void IStreamHost.ScheduleCheckpoint(TimeSpan? due)
    {
        if (due is not { } after)
        {
            _checkpoints?.Dispose();
            _checkpoints = null;
        }
        else if (_checkpoints is { } timer)
        {
            timer.Change(after, Timeout.InfiniteTimeSpan);
        }
        else
        {
            _checkpoints = this.RegisterGrainTimer(
                () =>
                {
                    _store.SaveAsync().Ignore(); // no push waits for the store
                    return Task.CompletedTask;
                },
                new GrainTimerCreationOptions(after, Timeout.InfiniteTimeSpan) { KeepAlive = true });
        }
    }

    void IStreamHost.Settle() => _ledger.Settle(GrainFactory);

    DateTimeOffset IStreamHost.LastActive => _lastActive;

    void IStreamHost.OnActive() => _lastActive = _shared.Time.GetUtcNow();

    void IStreamHost.LetActivationGo() => DeactivateOnIdle();

    /// <summary>Nobody waits for the tenant's list: it may stand on a silo that is gone.</summary>
    public void Report() => Tenant.Report(State.Listing).Ignore();

    /// <summary>Also lets the activation go: nobody may fill the silo with names.</summary>
    private Refusal Unknown()
    {
        DeactivateOnIdle();
        return State.Unknown();
    }
}
