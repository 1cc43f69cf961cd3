using Dass.Grid.Gateway.Grid;
using Dass.Grid.Gateway.Protocol;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;

namespace Dass.Grid.Gateway.Streams;

/// <summary>
/// Feeds one stream piece by piece and writes what comes back. When the stream's silo is gone, the pump attaches the stream again wherever
/// it is, and sends the audio that this place lacks.
/// </summary>
internal sealed partial class AudioPump(
    GridAccess grid,
    StreamId id,
    IStreamGrain stream,
    StreamSpec spec,
    long clientsOldestSample,
    Attachment attachment,
    AudioRateLimiter limiter,
    StreamAnswers answers,
    ChunkTimes times,
    CancellationToken cancellationToken) : IDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan RoomPause = TimeSpan.FromMilliseconds(200);

    private readonly ReplayBuffer _replay =
        new(attachment.Shape.BytesPerFrame, Math.Min(grid.Options.RetainedBytes, limiter.RetainedBytes));

    private readonly int _pieceFrames =
        Math.Max(1, (int)(grid.Options.MaxPush.TotalSeconds * attachment.Shape.Format.SampleRateHz));

    private long _kept = attachment.NextSample; // audio from here on can be sent again from here, but for what the client has lost
    private long _applied = attachment.NextSample;
    private long _acknowledged = -1; // what the client has been told
    private long _durable = attachment.DurableSample;
    private long _retained; // bytes that are counted as such
    private bool _asked; // for a checkpoint, since the replay buffer became half full

    /// <summary>Sends kept tags again, from a chunk up to the attachment's; none before it, should the stream have gone back.</summary>
    public async Task RepeatAsync(long fromChunk)
    {
        var until = answers.Rewind(fromChunk);
        await RecoverAsync(() => answers.FillAsync(until));
    }

    public async Task PushAsync(Arrival arrival)
    {
        var audio = arrival.Audio;
        if (audio.Start > _applied && !arrival.AfterLoss)
        {
            throw ProtocolErrors.PositionGap(audio.Start, _applied); // only a call's first audio can: the others follow each other
        }
        grid.Instruments.OnAudio(audio.Data.Length);
        var bytes = _replay.Bytes(audio);
        await limiter.TakeAsync(
            (double)bytes / attachment.Shape.BytesPerFrame / attachment.Shape.Format.SampleRateHz, cancellationToken);
        await MakeRoomAsync(bytes);
        _replay.Append(audio);
        CountRetained();
        times.OnArrived(audio.FirstSample + audio.Data.Length / attachment.Shape.BytesPerFrame, arrival.At);
        var before = _applied;
        await RecoverAsync(CatchUpAsync);
        if (_applied == before || _acknowledged != _applied)
        {
            await AcknowledgeAsync(); // of audio that the stream has had before, or leaves out behind a loss
        }
    }

    public Task FinishAsync() => RecoverAsync(async () =>
    {
        await CatchUpAsync();
        var answer = await stream.Finish(attachment.Id, cancellationToken);
        if (answer.Refusal is { Code: RefusalCode.StreamEnded } && (await stream.GetStatus()).Value is { End: { } known } status)
        {
            await answers.FillAsync(status.NextChunk); // it had ended when the answer got lost
            await answers.EndAsync(known);
            return;
        }
        var finished = TransientRefusalException.OrThrow(answer);
        await answers.WriteAsync(finished.Tags);
        await answers.EndAsync(finished.End);
    });

    /// <summary>Does something with the stream, wherever it is, for as long as the patience lasts.</summary>
    private async Task RecoverAsync(Func<Task> work)
    {
        Recovery? recovery = null;
        while (true)
        {
            try
            {
                if (recovery is not null)
                {
                    // Of a stream that has ended the work is refused for the same reason, or has the answer.
                    var end = await AttachAgainAsync(Math.Min(clientsOldestSample, Kept));
                    if (end is null && attachment.NextSample < Kept)
                    {
                        throw ProtocolErrors.WentBack(id, attachment.NextSample, Kept); // what it needs, its client may still have
                    }
                }
                await work();
                break;
            }
            catch (Exception failure) when (Recovery.IsWorthWaiting(failure) && !cancellationToken.IsCancellationRequested)
            {
                if (recovery is null)
                {
                    LogInterrupted(grid.Logger, id, _applied, failure.Message);
                }
                recovery ??= new Recovery(grid);
                await recovery.PauseAsync(failure, cancellationToken);
            }
        }
        if (recovery is not null)
        {
            grid.Instruments.OnRecovered(recovery.Elapsed);
            LogRecovered(grid.Logger, id, _applied, recovery.Elapsed.TotalSeconds);
        }
    }

    /// <returns>Null; or that the stream has ended.</returns>
    private async Task<Refusal?> AttachAgainAsync(long oldestSample)
    {
        // A stream without a checkpoint begins again, by the rules of before.
        var same = attachment.Shape.ToSpec(spec) with
        {
            Weight = limiter.Weight, LatencyBudget = attachment.LatencyBudget ?? spec.LatencyBudget,
        };
        var feeder = new Feeder(attachment.Id, oldestSample) { Begun = attachment.Begun };
        var answer = await stream.AttachAsync(same, feeder, cancellationToken);
        if (answer.Refusal is { Code: RefusalCode.StreamEnded })
        {
            return answer.Refusal;
        }
        attachment = TransientRefusalException.OrThrow(answer);
        if (attachment.Gap is { } gap)
        {
            await answers.WriteAsync(gap);
        }
        if (attachment.NextSample < _applied)
        {
            grid.Instruments.OnReplayed((double)(_applied - attachment.NextSample) / attachment.Shape.Format.SampleRateHz);
        }
        _applied = attachment.NextSample;
        _durable = attachment.DurableSample;
        return null;
    }

    private async Task CatchUpAsync()
    {
        while (true)
        {
            if (_replay.At(_applied, _pieceFrames) is { } piece)
            {
                await PushPieceAsync(piece);
            }
            else if (_replay.After(_applied) is { } first)
            {
                if (await AttachAgainAsync(first) is { } end) // what lies between is lost
                {
                    throw StatusMapping.FromRefusal(end);
                }
            }
            else
            {
                return;
            }
        }
    }

    /// <summary>Waits until the store has enough of the stream that more of its audio can be held here.</summary>
    private async Task MakeRoomAsync(long bytes)
    {
        while (!_replay.HasRoom(bytes))
        {
            await RecoverAsync(CheckpointAsync);
            if (!_replay.HasRoom(bytes))
            {
                grid.Instruments.OnRetainedFull();
                await Task.Delay(RoomPause, grid.Time, cancellationToken);
            }
        }
    }

    private async Task PushPieceAsync(AudioBlock piece)
    {
        var trace = times.StartTrace(piece.FirstSample + piece.Data.Length / attachment.Shape.BytesPerFrame);
        var wait = TimeSpan.Zero;
        Exception? failure = null;
        try
        {
            wait = await PushTracedAsync(piece);
        }
        catch (Exception thrown)
        {
            failure = thrown;
            throw;
        }
        finally
        {
            times.EndTrace(trace, wait, failure);
        }
    }

    /// <returns>How long the piece's step waited for its device.</returns>
    private async Task<TimeSpan> PushTracedAsync(AudioBlock piece)
    {
        var answer = await stream.Push(attachment.Id, piece, cancellationToken);
        if (answer.Refusal is { Code: RefusalCode.PositionGap } && piece.LostBefore > 0)
        {
            await AttachAgainAsync(piece.FirstSample); // its silo is of an earlier version, to which a loss is a gap
            return TimeSpan.Zero;
        }
        var pushed = await TakeAsync(answer);
        var waited = TimeSpan.Zero;
        for (var pause = FirstPause; pushed.Busy; pause *= 2)
        {
            if (waited > grid.Options.BusyPatience)
            {
                throw ProtocolErrors.Busy(waited, pushed.AppliedSample);
            }
            await Task.Delay(pause, grid.Time, cancellationToken);
            waited += pause;
            pushed = await TakeAsync(await stream.Push(attachment.Id, new AudioBlock(pushed.AppliedSample, default), cancellationToken));
        }
        _applied = pushed.AppliedSample;
        SetDurable(pushed.DurableSample);
        await AcknowledgeAsync(pushed);
        if (_replay.IsNearlyFull && !_asked)
        {
            _asked = true;
            await CheckpointAsync();
        }
        _asked &= _replay.IsNearlyFull;
        return pushed.DeviceWait;
    }

    private async Task<Pushed> TakeAsync(Outcome<Pushed> answer)
    {
        var pushed = TransientRefusalException.OrThrow(answer);
        times.CatchesUp = pushed.CatchesUp;
        await answers.WriteAsync(pushed.Tags);
        return pushed;
    }

    private async Task CheckpointAsync() =>
        SetDurable(TransientRefusalException.OrThrow(await stream.Checkpoint(attachment.Id, cancellationToken)).Sample);

    private Task AcknowledgeAsync(Pushed? pushed = null)
    {
        _acknowledged = _applied;
        return answers.WriteAsync(new Ack
        {
            AppliedSample = _applied,
            DurableSample = _durable,
            DeviceWait = pushed?.DeviceWait.ToDuration(),
            CatchesUp = pushed?.CatchesUp ?? false,
        });
    }

    private void SetDurable(long sample)
    {
        _durable = Math.Max(_durable, sample);
        _kept = Math.Max(_kept, Math.Min(_durable, _applied));
        _replay.Drop(_kept);
        CountRetained();
    }

    private void CountRetained()
    {
        grid.Instruments.OnRetained(_replay.Held - _retained);
        _retained = _replay.Held;
    }

    /// <summary>What the call has retained is given back.</summary>
    public void Dispose() => grid.Instruments.OnRetained(-_retained);

    private long Kept => Math.Min(_kept, _replay.Start ?? _kept);
}
