namespace Dass.Grid.Grains.Streams;

/// <summary>How the activation goes, and what it sends to the next one.</summary>
public sealed partial class StreamGrain
{
    private bool _owesEnd; // as this activation went, the store lacked the stream's end

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
                Leave();
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

    void IStreamHost.Leave() => Leave();

    /// <summary>To a silo that serves the stream's model, if there is one.</summary>
    private void Leave()
    {
        if (State.Shape is { } shape)
        {
            RequestContext.Set(ModelHint.Key, shape.Model.Name);
        }
        this.MigrateOnIdle();
        RequestContext.Remove(ModelHint.Key);
    }
}
