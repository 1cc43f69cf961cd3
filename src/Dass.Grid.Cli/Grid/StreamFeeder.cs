using Dass.Grid.Cli.Output;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Cli.Grid;

/// <summary>Feeds one source to one stream and shows what comes back. A call that breaks is followed by another that goes on where the grid says.</summary>
internal sealed class StreamFeeder(GridConnection grid, AudioTape tape, StreamConfig config, IStreamView view, bool realtime, TimeProvider time)
{
    private const int MaxAttempts = 6; // with their pauses, a quarter of a minute without progress
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(0.5);

    private bool _ready; // the stream has been there once
    private bool _progress; // in the present call
    private bool _finishing;
    private bool _finished;
    private long _nextChunk; // chunks before it have been shown

    /// <exception cref="RpcException">The grid refuses, or stays away for longer than the attempts last.</exception>
    /// <exception cref="IOException">The grid wants audio again that is no longer kept.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            _progress = false;
            try
            {
                await CallAsync(cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (RpcException ended) when (ended.StatusCode == StatusCode.FailedPrecondition && _finishing)
            {
                // The stream has ended as it was asked to; only the answer was lost.
                await new StreamWatcher(grid, view).RunAsync(
                    new SubscribeRequest { StreamId = config.StreamId, FromChunk = _nextChunk, Filter = config.Filter }, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (Exception broken) when (IsInterruption(broken) && _ready && !cancellationToken.IsCancellationRequested)
            {
                attempt = _progress ? 1 : attempt;
                if (attempt == MaxAttempts)
                {
                    throw;
                }
                view.OnNote($"stream {config.StreamId} is interrupted ({(broken as RpcException)?.Status.Detail ?? broken.Message}); trying again.");
                await Task.Delay(FirstPause * (1 << (attempt - 1)), time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task CallAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var call = grid.Client.Stream(grid.Headers, cancellationToken: stop.Token);
        config.OldestSample = tape.OldestSample ?? 0;
        await call.RequestStream.WriteAsync(new StreamRequest { Config = config }, stop.Token).ConfigureAwait(false);
        if (!await call.ResponseStream.MoveNext(stop.Token).ConfigureAwait(false))
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "the grid ended the call before it answered"));
        }
        var ready = call.ResponseStream.Current.Ready;
        Begin(ready);
        await tape.SeekAsync(ready.NextSample).ConfigureAwait(false);

        using var answered = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
        var reading = ReadAsync(call.ResponseStream, answered, stop.Token);
        try
        {
            await WriteAsync(call.RequestStream, ready.NextSample, answered.Token).ConfigureAwait(false);
        }
        catch (Exception broken) when (!cancellationToken.IsCancellationRequested && (broken is RpcException or InvalidOperationException || answered.IsCancellationRequested))
        {
            // The answers' side knows why the call is over.
        }
        catch
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
        await reading.ConfigureAwait(false);
        if (!_finished)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "the call ended before the stream did"));
        }
    }

    private void Begin(Ready ready)
    {
        if (_ready)
        {
            view.OnNote(FormattableString.Invariant($"stream {config.StreamId} goes on at {(double)ready.NextSample / tape.Format.SampleRateHz:0.00} s."));
            return;
        }
        _ready = true;
        config.StreamId = ready.StreamId;
        view.OnNote(ready.Model.Note);
        view.OnReady(ready);
    }

    private async Task WriteAsync(IClientStreamWriter<StreamRequest> to, long firstSample, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        while (await tape.NextAsync(cancellationToken).ConfigureAwait(false) is { } audio)
        {
            var early = TimeSpan.FromSeconds((double)(tape.End(audio) - firstSample) / tape.Format.SampleRateHz) - time.GetElapsedTime(began);
            if (realtime && early > TimeSpan.Zero)
            {
                await Task.Delay(early, time, cancellationToken).ConfigureAwait(false);
            }
            await to.WriteAsync(new StreamRequest { Audio = audio }, cancellationToken).ConfigureAwait(false);
        }
        _finishing = true;
        await to.WriteAsync(new StreamRequest { Finish = new Finish() }, cancellationToken).ConfigureAwait(false);
        await to.CompleteAsync().ConfigureAwait(false);
    }

    /// <summary>Without answers there is nothing to write for: the end of this side ends the other.</summary>
    private async Task ReadAsync(IAsyncStreamReader<StreamResponse> from, CancellationTokenSource answered, CancellationToken cancellationToken)
    {
        try
        {
            while (await from.MoveNext(cancellationToken).ConfigureAwait(false))
            {
                Show(from.Current);
            }
        }
        finally
        {
            await answered.CancelAsync().ConfigureAwait(false);
        }
    }

    private void Show(StreamResponse response)
    {
        switch (response)
        {
            case { Ack: { } ack }:
                _progress = true;
                tape.Acknowledge(ack.AppliedSample, ack.DurableSample);
                break;
            case { Tags: { } tags } when tags.Chunk >= _nextChunk: // a grid that lost the stream hears it again from the start
                view.OnTags(tags);
                config.FromChunk = _nextChunk = tags.Chunk + 1; // after a break, what was missed comes again from here
                break;
            case { Gap: { } gap }:
                view.OnNote(FormattableString.Invariant($"the stream has a gap before {(double)gap.ToSample / tape.Format.SampleRateHz:0.00} s: {gap.Reason}"));
                break;
            case { Events: { } closed }:
                view.OnEvents(closed.Events);
                break;
            case { Summary: { } summary }:
                _finished = true;
                view.OnSummary(summary);
                break;
        }
    }

    /// <summary>The grid says so, or the connection ended before it could: within an answer the gRPC client knows no status.</summary>
    private static bool IsInterruption(Exception broken) =>
        broken is HttpIOException or RpcException { StatusCode: StatusCode.Unavailable } or RpcException { Status.DebugException: IOException or HttpRequestException };
}
