using System.Diagnostics;

namespace Dass.Grid.Grains.Streams;

/// <summary>What time does to a stream.</summary>
public sealed partial class StreamGrain
{
    private IGrainTimer? _upkeep;
    private IGrainTimer? _checkpoints;

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
        else
        {
            await _lifecycle.ResumeAsync(cancellationToken);
            if (State.Live is { } live && now - State.LastFed >= _shared.Options.HibernateAfter)
            {
                await _persistence.HibernateAsync(live);
            }
        }
        if (_lifecycle.Rest() is { } rest)
        {
            GrainFactory.GetGrain<ITenantGrain>(_id.Tenant).Rest(rest).Ignore();
            DeactivateOnIdle();
            return;
        }
        _lifecycle.Report();
    }

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
}
