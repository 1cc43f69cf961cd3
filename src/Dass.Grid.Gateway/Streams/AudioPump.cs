using Dass.Grid.Gateway.Grid;
using Dass.Grid.Gateway.Protocol;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging;

namespace Dass.Grid.Gateway.Streams;

/// <summary>
/// Feeds one stream piece by piece and writes what comes back. The only writer of its call's answers. When the stream's silo is gone it takes the stream up
/// again wherever it is, sends what that place has not heard, and writes each chunk once.
/// </summary>
internal sealed partial class AudioPump(
    GridAccess grid,
    StreamId id,
    IStreamGrain stream,
    StreamSpec spec,
    long clientsOldestSample,
    Attachment attachment,
    ScoreView view,
    AudioRateLimiter allowance,
    IServerStreamWriter<StreamResponse> responses,
    CancellationToken cancellationToken)
{
    private const int PageChunks = 64;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan RoomPause = TimeSpan.FromMilliseconds(200);

    private readonly ReplayBuffer _tape = new(attachment.Shape.BytesPerFrame, Math.Min(grid.Options.RetainedBytes, allowance.RetainedBytes));
    private readonly int _pieceFrames = Math.Max(1, (int)(grid.Options.MaxPush.TotalSeconds * attachment.Shape.Format.SampleRateHz));
    private long _kept = attachment.NextSample; // audio from here on can be sent again from here, but for what the client has lost
    private long _applied = attachment.NextSample;
    private long _durable = attachment.DurableSample;
    private long _nextChunk = attachment.NextChunk; // chunks before it have been written
    private long _lostUntil = attachment.Gap?.ToSample ?? 0; // end of the last gap that has been told
    private bool _asked; // for a checkpoint, since the tape became half full

    /// <summary>Sends kept tags again, from a chunk up to the attachment's; none before it, should the stream have gone back.</summary>
    public async Task RepeatAsync(long fromChunk)
    {
        var until = _nextChunk;
        _nextChunk = fromChunk;
        await OnAsync(() => FillAsync(until));
    }

    public async Task PushAsync(Arrival arrival)
    {
        var audio = arrival.Audio;
        if (audio.FirstSample > _applied && !arrival.AfterLoss)
        {
            throw ProtocolErrors.PositionGap(audio.FirstSample, _applied); // only a call's first audio can: the others follow each other
        }
        grid.Instruments.OnAudio(audio.Data.Length);
        await allowance.TakeAsync(
            (double)audio.Data.Length / attachment.Shape.BytesPerFrame / attachment.Shape.Format.SampleRateHz, cancellationToken);
        await MakeRoomAsync(audio.Data.Length);
        _tape.Append(audio);
        var before = _applied;
        await OnAsync(CatchUpAsync);
        if (_applied == before)
        {
            await AcknowledgeAsync(); // of audio that the stream has had before
        }
    }

    public Task FinishAsync() => OnAsync(async () =>
    {
        await CatchUpAsync();
        using var activity = GatewayInstruments.Activities.StartActivity("dass.finish");
        var answer = await stream.Finish(attachment.Id, cancellationToken);
        if (answer.Refusal is { Code: RefusalCode.StreamEnded } && (await stream.GetStatus()).Value is { End: { } known } status)
        {
            await FillAsync(status.NextChunk); // it had ended when the answer got lost
            await EndAsync(known);
            return;
        }
        var finished = TransientRefusalException.OrThrow(answer);
        await WriteAsync(finished.Tags);
        await EndAsync(finished.End);
    });

    private async Task EndAsync(StreamEnd end)
    {
        Event[] closed = [.. view.Select(end.Events)];
        if (closed.Length > 0)
        {
            await responses.WriteAsync(new StreamResponse { Events = new EventList { Events = { closed } } }, cancellationToken);
        }
        await responses.WriteAsync(new StreamResponse { Summary = view.Of(end.Summary) }, cancellationToken);
    }

    /// <summary>Does something with the stream, wherever it is, for as long as the patience lasts.</summary>
    private async Task OnAsync(Func<Task> work)
    {
        Recovery? recovery = null;
        while (true)
        {
            try
            {
                if (recovery is not null)
                {
                    await AttachAgainAsync(Math.Min(clientsOldestSample, Kept));
                    if (attachment.NextSample < Kept)
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

    private async Task AttachAgainAsync(long oldestSample)
    {
        var same = attachment.Shape.ToSpec(spec) with { Weight = allowance.Weight }; // a stream without a checkpoint begins again, by the rules of before
        var answer = await stream.AttachAsync(same, new Feeder(attachment.Id, oldestSample), cancellationToken);
        if (answer.Refusal is { Code: RefusalCode.StreamEnded })
        {
            return; // what is done next says so, or has the answer
        }
        attachment = TransientRefusalException.OrThrow(answer);
        if (attachment.Gap is { } gap && gap.ToSample > _lostUntil)
        {
            _lostUntil = gap.ToSample;
            await responses.WriteAsync(new StreamResponse { Gap = view.Of(gap) }, cancellationToken);
            _nextChunk = Math.Max(_nextChunk, gap.NextChunk);
        }
        _applied = attachment.NextSample;
        _durable = attachment.DurableSample;
    }

    private async Task CatchUpAsync()
    {
        while (true)
        {
            if (_tape.At(_applied, _pieceFrames) is { } piece)
            {
                await PushPieceAsync(piece);
            }
            else if (_tape.After(_applied) is { } first)
            {
                await AttachAgainAsync(first); // what lies between is lost
            }
            else
            {
                return;
            }
        }
    }

    /// <summary>Waits until the store has enough of the stream that more of its audio can be held here.</summary>
    private async Task MakeRoomAsync(int bytes)
    {
        while (!_tape.HasRoom(bytes))
        {
            await OnAsync(async () => Durable(TransientRefusalException.OrThrow(await stream.Checkpoint(attachment.Id, cancellationToken)).Sample));
            if (!_tape.HasRoom(bytes))
            {
                grid.Instruments.OnRetainedFull();
                await Task.Delay(RoomPause, grid.Time, cancellationToken);
            }
        }
    }

    private async Task PushPieceAsync(AudioBlock piece)
    {
        using var activity = GatewayInstruments.Activities.StartActivity("dass.push");
        activity?.SetTag("dass.first_sample", piece.FirstSample);
        var pushed = TransientRefusalException.OrThrow(await stream.Push(attachment.Id, piece, cancellationToken));
        await WriteAsync(pushed.Tags);
        var waited = TimeSpan.Zero;
        for (var pause = FirstPause; pushed.Busy; pause *= 2)
        {
            if (waited > grid.Options.BusyPatience)
            {
                throw StatusMapping.FromRefusal(new Refusal(
                    RefusalCode.Busy, $"the device has been too busy for {waited.TotalSeconds:F1} s. Call again later; the stream has audio up to sample {pushed.AppliedSample}."));
            }
            await Task.Delay(pause, grid.Time, cancellationToken);
            waited += pause;
            pushed = TransientRefusalException.OrThrow(await stream.Push(attachment.Id, new AudioBlock(pushed.AppliedSample, default), cancellationToken));
            await WriteAsync(pushed.Tags);
        }
        _applied = pushed.AppliedSample;
        Durable(pushed.DurableSample);
        await AcknowledgeAsync(pushed);
        if (_tape.IsNearlyFull && !_asked)
        {
            _asked = true;
            Durable(TransientRefusalException.OrThrow(await stream.Checkpoint(attachment.Id, cancellationToken)).Sample);
        }
        _asked &= _tape.IsNearlyFull;
    }

    private Task AcknowledgeAsync(Pushed? pushed = null) => responses.WriteAsync(
        new StreamResponse
        {
            Ack = new Ack
            {
                AppliedSample = _applied,
                DurableSample = _durable,
                DeviceWait = pushed?.DeviceWait.ToDuration(),
                CatchesUp = pushed?.CatchesUp ?? false,
            },
        },
        cancellationToken);

    private void Durable(long sample)
    {
        _durable = Math.Max(_durable, sample);
        _kept = Math.Max(_kept, Math.Min(_durable, _applied));
        _tape.Drop(_kept);
    }

    private long Kept => Math.Min(_kept, _tape.Start ?? _kept);

    private async Task WriteAsync(ChunkTags[] tags)
    {
        foreach (var chunk in tags)
        {
            if (chunk.Index > _nextChunk)
            {
                await FillAsync(chunk.Index); // an answer was lost, and its tags with it
            }
            if (chunk.Index >= _nextChunk)
            {
                await responses.WriteAsync(new StreamResponse { Tags = view.Of(chunk) }, cancellationToken);
                _nextChunk = chunk.Index + 1;
            }
        }
    }

    /// <summary>Writes what the stream keeps of the chunks before <paramref name="until"/> that have not been written.</summary>
    private async Task FillAsync(long until)
    {
        while (_nextChunk < until)
        {
            var kept = TransientRefusalException.OrThrow(await stream.GetTags(_nextChunk, PageChunks)).Tags.TakeWhile(chunk => chunk.Index < until).ToArray();
            foreach (var chunk in kept)
            {
                await responses.WriteAsync(new StreamResponse { Tags = view.Of(chunk) }, cancellationToken);
                _nextChunk = chunk.Index + 1;
            }
            if (kept.Length == 0)
            {
                _nextChunk = until;
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "Stream {Stream} is interrupted at sample {Sample}: {Failure} Looking for it.")]
    private static partial void LogInterrupted(ILogger logger, StreamId stream, long sample, string failure);

    [LoggerMessage(LogLevel.Information, "Stream {Stream} goes on at sample {Sample} after {Seconds:F2} s.")]
    private static partial void LogRecovered(ILogger logger, StreamId stream, long sample, double seconds);
}
