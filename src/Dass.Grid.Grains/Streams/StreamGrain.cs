using Dass.Grid.Engine;
using Orleans.Placement;

namespace Dass.Grid.Grains.Streams;

/// <summary>Owns one stream: nothing yet, then live, then ended, then forgotten.</summary>
/// <remarks>The state lives in native memory, which automatic movement would not see; so only explicit moves are allowed.</remarks>
[Immovable(ImmovableKind.Any)]
public sealed partial class StreamGrain : Grain, IStreamGrain
{
    private readonly StreamGrainShared _shared;
    private readonly StreamId _id;
    private readonly TagHistory _history;
    private readonly ObserverLeases _observers;

    private LiveStream? _live;
    private StreamStatus? _ended;
    private long _attachment;
    private DateTimeOffset _lastActive;
    private IGrainTimer? _upkeep;

    public StreamGrain(StreamGrainShared shared)
    {
        _shared = shared;
        _logger = shared.Logger;
        _id = StreamId.Parse(this.GetPrimaryKeyString());
        _history = new TagHistory(shared.Options.HistoryChunks);
        _observers = new ObserverLeases(shared.Time, shared.Options.ObserverLease);
    }

    private ITenantGrain Tenant => GrainFactory.GetGrain<ITenantGrain>(_id.Tenant);

    public async Task<Outcome<Attachment>> Attach(StreamSpec spec, CancellationToken cancellationToken)
    {
        if (_ended is not null)
        {
            return Ended();
        }
        if (_live is { } live)
        {
            if (ShapeLaw.Differs(_id, live.Shape, spec) is { } differs)
            {
                return differs;
            }
            LogResumed(_id, live.NextSample);
        }
        else
        {
            if (SessionFactory.Open(_shared.Models, spec, _shared.Time.GetUtcNow(), out live) is { } refusal)
            {
                DeactivateOnIdle();
                return spec.Format is null ? Unknown() : refusal;
            }
            _live = live;
            _shared.Instruments.OnBegun(live.Model.Name);
            _upkeep = this.RegisterGrainTimer(
                Upkeep, new GrainTimerCreationOptions(_shared.Options.Upkeep, _shared.Options.Upkeep) { KeepAlive = true });
            LogBegun(_id, live.Model.Name);
            await Report();
        }
        _lastActive = _shared.Time.GetUtcNow();
        return new Attachment(++_attachment, live.NextSample, _history.NextChunk, live.Shape);
    }

    public async Task<Outcome<Pushed>> Push(long attachment, AudioBlock audio, CancellationToken cancellationToken)
    {
        if (NotFedBy(attachment) is { } refusal)
        {
            return refusal;
        }
        var live = _live!;
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
        finally
        {
            tags = Publish(live);
        }
        _shared.Instruments.OnPushed(live, news.Length, _shared.Time.GetElapsedTime(started));
        return new Pushed(live.NextSample, tags, busy);
    }

    public async Task<Outcome<Finished>> Finish(long attachment, CancellationToken cancellationToken) =>
        NotFedBy(attachment) is { } refusal ? refusal : await End(_live!, StreamEndReason.Finished, cancellationToken);

    public async Task<Outcome<Finished>> Close(CancellationToken cancellationToken)
    {
        if (_ended is { End: { } end })
        {
            return new Finished([], end);
        }
        return _live is { } live ? await End(live, StreamEndReason.Closed, cancellationToken) : Unknown();
    }

    public Task<Outcome<StreamStatus>> GetStatus() => Task.FromResult(Status());

    public Task<Outcome<TagPage>> GetTags(long fromChunk, int count) =>
        Task.FromResult<Outcome<TagPage>>(_live is null && _ended is null ? Unknown() : _history.Page(fromChunk, count));

    public Task<Outcome<StreamStatus>> Subscribe(ITagObserver observer)
    {
        if (_live is not null)
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

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        if (_live is { } live)
        {
            LogLost(_id, live.NextSample, reason.ReasonCode);
            Seal(live, StreamEndReason.Lost);
        }
        return Task.CompletedTask;
    }

    private async Task Upkeep(CancellationToken cancellationToken)
    {
        var now = _shared.Time.GetUtcNow();
        _shared.Instruments.OnObserversExpired(_observers.Expire());
        if (_live is { } live && now - _lastActive >= _shared.Options.IdleTimeout)
        {
            LogIdle(_id, live.NextSample, _shared.Options.IdleTimeout);
            await EndIdle(live, cancellationToken);
        }
        else if (_ended is not null && now - _lastActive >= _shared.Options.Retention)
        {
            await Tenant.Forget(_id.Name);
            _upkeep?.Dispose();
            DeactivateOnIdle();
        }
        else
        {
            await Report();
        }
    }

    private async Task EndIdle(LiveStream live, CancellationToken cancellationToken)
    {
        try
        {
            await End(live, StreamEndReason.Idle, cancellationToken);
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            // The tail cannot be tagged; the slot must be free all the same.
            LogTailFailed(_id, failure);
            Seal(live, StreamEndReason.Idle);
        }
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
        var end = Seal(live, reason);
        await Report();
        return new Finished(tags, end);
    }

    /// <summary>From live to ended: tells observers and gives the slot back.</summary>
    private StreamEnd Seal(LiveStream live, StreamEndReason reason)
    {
        var end = new StreamEnd(reason, live.Heard);
        _ended = new StreamStatus(live.Shape, live.Begun, live.NextSample, _history.NextChunk, end.Summary, end);
        _live = null;
        _lastActive = _shared.Time.GetUtcNow();
        _observers.Notify(observer => observer.OnEnded(end));
        _shared.Instruments.OnEnded(live.Model.Name, reason);
        LogEnded(_id, reason, _ended.NextSample, _ended.NextChunk);
        live.Dispose();
        return end;
    }

    private ChunkTags[] Publish(LiveStream live)
    {
        var tags = live.TakeFresh();
        foreach (var chunk in tags)
        {
            _history.Add(chunk);
        }
        if (tags.Length > 0)
        {
            _observers.Notify(observer => observer.OnTags(tags));
            _shared.Instruments.OnTagged(live.Model.Name, tags.Length);
        }
        return tags;
    }

    private Task Report()
    {
        var (model, begun) = _live is { } live ? (live.Model.Name, live.Begun) : (_ended!.Shape.Model.Name, _ended.Begun);
        return Tenant.Report(new StreamListing(_id.Name, model, begun, _ended is not null));
    }

    private Outcome<StreamStatus> Status()
    {
        if (_live is { } live)
        {
            return new StreamStatus(live.Shape, live.Begun, live.NextSample, _history.NextChunk, live.Heard, End: null);
        }
        return _ended is { } ended ? ended : Unknown();
    }

    private Refusal? NotFedBy(long attachment)
    {
        if (_live is null)
        {
            return _ended is null ? Unknown() : Ended();
        }
        return attachment == _attachment
            ? null
            : new Refusal(RefusalCode.TakenOver, $"stream '{_id.Name}' has been taken over by a later call with the same stream_id.");
    }

    /// <summary>Also lets the activation go: nobody may fill the silo with names.</summary>
    private Refusal Unknown()
    {
        DeactivateOnIdle();
        return new Refusal(
            RefusalCode.UnknownStream,
            $"stream '{_id.Name}' is unknown: never begun, forgotten, or lost with its silo. Give a format to begin it.");
    }

    private Refusal Ended() => new(
        RefusalCode.StreamEnded,
        $"stream '{_id.Name}' has ended ({_ended!.End!.Reason}) at sample {_ended.NextSample}; begin another stream_id.");
}
