using System.Diagnostics;
using Dass.Grid.Engine;
using Dass.Grid.Grains.Placement;
using Dass.Grid.Grains.Sessions;
using Orleans.Placement;

namespace Dass.Grid.Grains.Streams;

/// <summary>Owns one stream; <see cref="StreamState"/> has the table of its states.</summary>
/// <remarks>The state lives in native memory, which automatic movement would not see; so only explicit moves are allowed.</remarks>
[Immovable(ImmovableKind.Any), StreamPlacement, GrainType("stream")]
public sealed class StreamGrain : Grain, IStreamGrain, IGrainMigrationParticipant, IStreamHost, IDisposable
{
    private readonly StreamGrainShared _shared;
    private readonly StreamId _id;
    private readonly StreamOutbox _outbox;
    private readonly StreamPersistence _persistence;
    private readonly StreamLifecycle _lifecycle;

    private IGrainTimer? _upkeep;
    private IGrainTimer? _checkpoints;
    private StreamMigrationState? _migration; // on its way from or to another silo
    private bool _owesEnd; // as this activation went, the store lacked the stream's end

    public StreamGrain(StreamGrainShared shared)
    {
        _shared = shared;
        _id = StreamId.Parse(this.GetPrimaryKeyString());
        State = new StreamState(_id, shared.Options.HistoryChunks, shared.Checkpoints.CheckpointChunks, shared.NewLoss());
        _outbox = new StreamOutbox(_id, shared);
        _persistence = new StreamPersistence(this.GetGrainId(), _id, shared, State, _outbox, this);
        _lifecycle = new StreamLifecycle(_id, shared, State, _outbox, _persistence);
    }

    private StreamState State { get; }

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        State.Touch(_shared.Steady.GetUtcNow());
        (var migration, _migration) = (_migration, null);
        Array.ForEach(migration?.Observers ?? [], _lifecycle.Observers.Renew);
        if (migration is null || migration.IsLost || !_persistence.TryContinue(migration))
        {
            await _persistence.LoadAsync();
        }
    }

    public async Task<Outcome<Attachment>> Attach(StreamSpec spec, Feeder feeder, CancellationToken cancellationToken)
    {
        if (State.Ended is not null)
        {
            return feeder.BeginsAgain && await ForgetAsync() ? State.Moved() : State.HasEnded();
        }
        if (State.Fenced || State.Unreadable is { Code: RefusalCode.Busy })
        {
            return Unknown();
        }
        if (feeder.Attachment < State.Attachment)
        {
            return State.TakenOver();
        }
        State.Weigh(spec.Weight);
        var switchTo = spec is { SwitchModel: true, Model: { } other } && State.Shape is { } has && has.Model.Name != other ? spec : null;
        if (State.Shape is { } shape)
        {
            if ((StreamShapeRules.Differs(_id, shape, spec)
                ?? ChunkPlanning.Check(spec.LatencyBudget, shape.Chunk, shape.LookAhead)) is { } broken)
            {
                return broken;
            }
            spec = shape.ToSpec(spec);
        }
        if (await WakeAsync(cancellationToken) is { } asleep)
        {
            return asleep;
        }
        var (gap, refusal, change) = (default(StreamGap), default(Refusal), default(ModelChange));
        if (State.Live is not { } live)
        {
            // A stream that is taken up again has been promised its place.
            refusal = (feeder.Attachment is null ? SessionFactory.Overload(_shared.Models, spec, _shared.Options.MaxLiveWait) : null)
                ?? _lifecycle.Begin(spec, feeder, out gap);
            if (refusal is null && feeder.Attachment is not null)
            {
                _persistence.SaveAsync().Ignore(); // another activation may still be writing: one of the two is fenced at once
            }
        }
        else if (switchTo is not null)
        {
            (refusal, gap, change) = await _lifecycle.SwitchAsync(live, switchTo, feeder.OldestSample);
        }
        else if (live.NextSample < feeder.OldestSample)
        {
            refusal = _lifecycle.BeginAgain(live, spec, feeder.OldestSample, out gap);
        }
        else
        {
            _shared.LogResumed(_id, live.NextSample);
        }
        if (refusal is not null)
        {
            return _persistence.Refuse(refusal);
        }
        State.Attach(feeder.Attachment, _shared.Steady.GetUtcNow());
        State.Live!.LatencyBudget = spec.LatencyBudget ?? State.Live.LatencyBudget;
        var durable = _persistence.Checkpoints.DurableSample;
        return new Attachment(State.Attachment, State.Live!.NextSample, State.History.NextChunk, State.Live.Shape, durable, gap)
        {
            Change = change,
            Begun = State.Live.Begun,
            LatencyBudget = State.Live.LatencyBudget,
        };
    }

    public async Task<Outcome<Pushed>> Push(long attachment, AudioBlock audio, CancellationToken cancellationToken)
    {
        if ((State.RefuseFeeder(attachment) ?? await WakeAsync(cancellationToken)) is { } refusal)
        {
            return refusal;
        }
        if (State.Live is not { } live)
        {
            return State.Moved();
        }
        if (live.TrimApplied(audio, out var rest) is { } broken)
        {
            return broken;
        }
        State.Touch(_shared.Steady.GetUtcNow());
        Activity.Current?.SetTag(TelemetryNames.Tenant, _id.Tenant).SetTag(TelemetryNames.Stream, _id.Name);
        var busy = false;
        ChunkTags[] tags = [];
        var (started, from) = (_shared.Time.GetTimestamp(), live.NextSample);
        try
        {
            await live.PushAsync(rest, cancellationToken);
        }
        catch (AudioFormatException invalid)
        {
            return new Refusal(RefusalCode.InvalidRequest, invalid.Message);
        }
        catch (Exception full) when (full is StepQueueFullException or DeviceMemoryException)
        {
            busy = true;
        }
        catch (Exception gone) when (gone is DeviceLostException || (gone is ObjectDisposedException && State.Fenced))
        {
            return State.Moved();
        }
        finally
        {
            State.Lost.Add(audio, from, live.NextSample, live.Shape);
            var isHeardAgain = State.Feed(live, _shared.Steady.GetUtcNow(), _shared.Time.GetUtcNow());
            tags = _lifecycle.Publish(live);
            if (isHeardAgain)
            {
                _persistence.SaveNewestAsync().Ignore(); // the next silo knows that it has audio again, and what it has made of it
            }
        }
        _lifecycle.Measure(live, rest, tags.Length, _shared.Time.GetElapsedTime(started));
        return new Pushed(live.NextSample, tags, busy, _persistence.Checkpoints.DurableSample)
        {
            DeviceWait = live.DeviceWait, CatchesUp = live.CatchesUp,
        };
    }

    public async Task<Outcome<Durable>> Checkpoint(long attachment, CancellationToken cancellationToken)
    {
        if (State.RefuseFeeder(attachment) is { } refusal)
        {
            return refusal;
        }
        if (State.Live is not null)
        {
            await _persistence.Checkpoints.IdleAsync(); // a write that is under way has less
            await _persistence.SaveAsync();
        }
        return State.Fenced ? State.Moved() : new Durable(_persistence.Checkpoints.DurableSample);
    }

    public async Task<Outcome<Finished>> Finish(long attachment, CancellationToken cancellationToken)
    {
        if ((State.RefuseFeeder(attachment) ?? await _persistence.WakeAsync()) is { } refusal)
        {
            return refusal;
        }
        return State.Live is { } live ? await _lifecycle.EndAsync(live, StreamEndReason.Finished, cancellationToken) : State.Moved();
    }

    public async Task<Outcome<Finished>> Close(CancellationToken cancellationToken)
    {
        var asleep = await _persistence.WakeAsync();
        if (State.Ended is { End: { } end })
        {
            return new Finished([], end);
        }
        if (asleep is not null)
        {
            return asleep;
        }
        return State.Live is { } live ? await _lifecycle.EndAsync(live, StreamEndReason.Closed, cancellationToken) : Unknown();
    }

    public async Task<Outcome<StreamRest>> Touch()
    {
        if (!State.IsKnown)
        {
            var unknown = Unknown();
            // What a silo of another version wrote is no longer unusable when the upgrade is done.
            return State.Unreadable is { Code: not RefusalCode.Busy }
                ? unknown with { Code = RefusalCode.Busy, RetryAfter = _shared.Options.IdleTimeout }
                : unknown;
        }
        State.DropSession();
        await _outbox.DeliverAsync();
        _lifecycle.WatchSource();
        if (_lifecycle.Rest() is not { } rest)
        {
            return new StreamRest(State.Listing, Since: null);
        }
        DeactivateOnIdle();
        return rest;
    }

    public Task Detach(long attachment)
    {
        State.Detach(attachment);
        return Task.CompletedTask;
    }

    public Task<Outcome<StreamStatus>> GetStatus() => Task.FromResult(Status());

    public Task<Outcome<TagPage>> GetTags(long fromChunk, int count)
    {
        State.DropSession();
        return Task.FromResult<Outcome<TagPage>>(!State.IsKnown ? Unknown() : State.History.Page(fromChunk, count));
    }

    public Task<Outcome<StreamStatus>> Subscribe(ITagObserver observer)
    {
        if (State.Live is not null || State.Asleep is not null)
        {
            _lifecycle.Observers.Renew(observer);
        }
        return Task.FromResult(Status());
    }

    public Task Unsubscribe(ITagObserver observer)
    {
        _lifecycle.Observers.Remove(observer);
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
            await _persistence.Checkpoints.IdleAsync();
            if (_persistence.ToCarry() is not { } checkpoint)
            {
                return;
            }
            _shared.Local.BeginMove(this.GetGrainId(), this);
            if (reason.ReasonCode != DeactivationReasonCode.Migrating)
            {
                // There may be no silo to take the stream: the store has it in any case.
                this.MigrateOnIdle();
                await _persistence.SaveAsync(changes: false); // what goes along is made already
            }
            if (!State.Fenced) // else another silo's state is newer
            {
                var record = _persistence.Checkpoints;
                _migration = new StreamMigrationState(
                    checkpoint, record.ETag, record.DurableSample, _lifecycle.Observers.All, State.Weight);
            }
            _owesEnd = _persistence.OwesEnd;
        }
        catch (Exception failure)
        {
            _shared.LogNotCarried(_id, failure); // the checkpoint of before is still there
        }
        _persistence.Leave();
    }

    public void OnDehydrate(IDehydrationContext dehydrationContext)
    {
        _migration?.Dehydrate(dehydrationContext);
        _migration = null;
    }

    public void OnRehydrate(IRehydrationContext rehydrationContext) => _migration = StreamMigrationState.Rehydrate(rehydrationContext);

    /// <summary>The activation has gone. What it has sent to another silo has arrived, or been refused.</summary>
    public void Dispose()
    {
        _shared.Local.EndMove(this.GetGrainId(), this);
        _shared.Instruments.Gauges.Remove(_outbox.Gauge);
        if (_owesEnd && _migration is not null)
        {
            _shared.LogEndLost(_id);
        }
    }

    private Outcome<StreamStatus> Status()
    {
        State.DropSession();
        return State.Status is { } status ? status : Unknown();
    }

    void IStreamHost.StartUpkeep() => _upkeep ??= this.RegisterGrainTimer(
        Upkeep, new GrainTimerCreationOptions(_shared.Options.Upkeep, _shared.Options.Upkeep) { KeepAlive = true });

    private async Task Upkeep(CancellationToken cancellationToken)
    {
        Activity.Current = null; // the timer was made by a call that is long over
        var now = _shared.Steady.GetUtcNow();
        var idle = now - State.LastActive;
        State.DropSession();
        _shared.Instruments.OnObserversExpired(_lifecycle.Observers.Expire());
        _outbox.Deliver(State.Live);
        _lifecycle.WatchSource();
        if (State.Ended is not null && idle >= _shared.Options.Retention)
        {
            await ForgetAsync();
            return;
        }
        if (State.Ended is null && idle >= _shared.Options.IdleTimeout)
        {
            await _lifecycle.EndIdleAsync(cancellationToken);
        }
        else if (State.Live is { } live && now - State.LastFed >= _shared.Options.HibernateAfter)
        {
            await _persistence.HibernateAsync(live);
        }
        if (_lifecycle.Rest() is { } rest)
        {
            GrainFactory.GetGrain<ITenantGrain>(_id.Tenant).Rest(rest).Ignore();
            DeactivateOnIdle();
            return;
        }
        _lifecycle.Report();
    }

    private async Task<Refusal?> WakeAsync(CancellationToken cancellationToken) =>
        await _persistence.WakeAsync() ?? await _lifecycle.EndBegunAsync(cancellationToken);

    /// <returns>False: the stream is still owed to the store or its logs, or the store is away.</returns>
    private async Task<bool> ForgetAsync()
    {
        await _outbox.DeliverAsync();
        if (!_outbox.IsEmpty || !await _persistence.TryForgetAsync())
        {
            return false;
        }
        GrainFactory.GetGrain<ITenantGrain>(_id.Tenant).Forget(_id.Name).Ignore();
        _upkeep?.Dispose();
        DeactivateOnIdle();
        return true;
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
                    Activity.Current = null;
                    _persistence.SaveAsync().Ignore(); // no push waits for the store
                    return Task.CompletedTask;
                },
                new GrainTimerCreationOptions(after, Timeout.InfiniteTimeSpan) { KeepAlive = true });
        }
    }

    void IStreamHost.Deactivate() => DeactivateOnIdle();

    void IStreamHost.Leave() => this.MigrateOnIdle();

    /// <summary>Also lets the activation go: names alone must not fill the silo.</summary>
    private Refusal Unknown()
    {
        DeactivateOnIdle();
        return State.Unknown();
    }
}
