using System.Diagnostics;
using Dass.Grid.Engine;
using Dass.Grid.Grains.Placement;
using Dass.Grid.Grains.Sessions;
using Orleans.Placement;

namespace Dass.Grid.Grains.Streams;

/// <summary>Owns one stream; <see cref="StreamState"/> has the table of its states.</summary>
/// <remarks>The state lives in native memory, which automatic movement would not see; so only explicit moves are allowed.</remarks>
[Immovable(ImmovableKind.Any), StreamPlacement, GrainType("stream")]
public sealed partial class StreamGrain : Grain, IStreamGrain, IGrainMigrationParticipant, IStreamHost, IDisposable
{
    private readonly StreamGrainShared _shared;
    private readonly StreamId _id;
    private readonly StreamOutbox _outbox;
    private readonly StreamPersistence _persistence;
    private readonly StreamLifecycle _lifecycle;

    private StreamMigrationState? _migration; // on its way from or to another silo

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
        var asked = spec;
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
            if (State.Unreadable is not null && _shared.Models.Find(spec.Model, out _) is { Code: RefusalCode.UnknownModel })
            {
                spec = spec with { Model = asked.Model, Alias = asked.Alias }; // the model that has heard the stream is gone
            }
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
            return Refuse(refusal);
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
        State.DropSession();
        return Task.FromResult<Outcome<StreamStatus>>(State.Progress is { } progress ? progress : Unknown());
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

    private Outcome<StreamStatus> Status()
    {
        State.DropSession();
        return State.Status is { } status ? status : Unknown();
    }

    private async Task<Refusal?> WakeAsync(CancellationToken cancellationToken) =>
        await _persistence.WakeAsync() ?? await _lifecycle.EndBegunAsync(cancellationToken);

    void IStreamHost.Deactivate() => DeactivateOnIdle();

    /// <summary>A stream that has not begun leaves the silo, so that the next attempt may find one that takes it.</summary>
    private Refusal Refuse(Refusal refusal)
    {
        if (!State.IsKnown && refusal.Code != RefusalCode.Moved)
        {
            DeactivateOnIdle();
        }
        return _persistence.Refuse(refusal);
    }

    /// <summary>Also lets the activation go: names alone must not fill the silo.</summary>
    private Refusal Unknown()
    {
        DeactivateOnIdle();
        return State.Unknown();
    }
}
