using Dass.Grid.Cli.Output;
using Dass.Grid.Engine.Audio;
using Dass.Grid.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Dass.Grid.Cli.Grid;

/// <summary>
/// Feeds one source to one stream and shows what comes back. Audio is kept until the grid has acknowledged it, so when a call breaks the next one goes on
/// without a gap and without a repeat.
/// </summary>
internal sealed class StreamFeeder(GridConnection grid, IAudioSource source, StreamConfig config, IStreamView view, bool realtime)
{
    private const int PieceMilliseconds = 100;
    private const int MaxUnacknowledged = 300; // pieces: 30 s of audio, also what a fast sender may be ahead
    private const int MaxAttempts = 6;

    private readonly Queue<Audio> _unacknowledged = new();
    private readonly SemaphoreSlim _room = new(MaxUnacknowledged);
    private long _sent; // samples that have been read from the source
    private bool _sourceEnded;
    private bool _finished;

    /// <exception cref="RpcException">The grid refuses, or stays away for longer than the attempts last.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var before = _sent;
            try
            {
                await CallAsync(cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (RpcException broken) when (broken.StatusCode == StatusCode.Unavailable && config.StreamId.Length > 0 && attempt < MaxAttempts)
            {
                attempt = _sent > before ? 1 : attempt;
                Console.Error.WriteLine($"dass: stream {config.StreamId} is interrupted ({broken.Status.Detail}); trying again from what the grid has.");
                await Task.Delay(TimeSpan.FromMilliseconds(250 << attempt), cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task CallAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var call = grid.Client.Stream(grid.Headers, cancellationToken: stop.Token);
        await call.RequestStream.WriteAsync(new StreamRequest { Config = config }, stop.Token).ConfigureAwait(false);
        if (!await call.ResponseStream.MoveNext(stop.Token).ConfigureAwait(false))
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "the grid ended the call before it answered"));
        }
        var ready = call.ResponseStream.Current.Ready;
        if (config.StreamId.Length == 0)
        {
            config.StreamId = ready.StreamId;
        }
        view.OnReady(ready);

        // Without answers there is nothing to wait for: the end of the reading side ends the writing side.
        using var writing = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
        var reading = ReadAsync(call.ResponseStream, writing, stop.Token);
        try
        {
            await WriteAsync(call.RequestStream, ready.NextSample, writing.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is RpcException or InvalidOperationException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            // The answer side knows why the call broke; await it below.
        }
        catch
        {
            await stop.CancelAsync().ConfigureAwait(false);
            throw;
        }
        await reading.ConfigureAwait(false);
        if (!_finished)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "the call ended before the stream did"));
        }
    }

    private async Task WriteAsync(IClientStreamWriter<StreamRequest> to, long nextSample, CancellationToken cancellationToken)
    {
        Acknowledge(nextSample);
        Audio[] again;
        lock (_unacknowledged)
        {
            again = [.. _unacknowledged];
        }
        foreach (var audio in again)
        {
            await to.WriteAsync(new StreamRequest { Audio = audio }, cancellationToken).ConfigureAwait(false);
        }

        using var pace = realtime ? new PeriodicTimer(TimeSpan.FromMilliseconds(PieceMilliseconds)) : null;
        var piece = new byte[Math.Max(1, source.Format.SampleRateHz * PieceMilliseconds / 1000) * source.Format.BytesPerFrame];
        while (!_sourceEnded)
        {
            var read = await source.ReadAsync(piece, cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                _sourceEnded = true;
                break;
            }
            await _room.WaitAsync(cancellationToken).ConfigureAwait(false);
            var audio = new Audio { FirstSample = _sent, Data = ByteString.CopyFrom(piece, 0, read) };
            _sent += read / source.Format.BytesPerFrame;
            lock (_unacknowledged)
            {
                _unacknowledged.Enqueue(audio);
            }
            if (pace is not null)
            {
                await pace.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false);
            }
            await to.WriteAsync(new StreamRequest { Audio = audio }, cancellationToken).ConfigureAwait(false);
        }
        await to.WriteAsync(new StreamRequest { Finish = new Finish() }, cancellationToken).ConfigureAwait(false);
        await to.CompleteAsync().ConfigureAwait(false);
    }

    private async Task ReadAsync(IAsyncStreamReader<StreamResponse> from, CancellationTokenSource writing, CancellationToken cancellationToken)
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
            await writing.CancelAsync().ConfigureAwait(false);
        }
    }

    private void Show(StreamResponse response)
    {
        switch (response)
        {
            case { Ack: { } ack }:
                Acknowledge(ack.AppliedSample);
                break;
            case { Tags: { } tags }:
                view.OnTags(tags);
                config.FromChunk = tags.Chunk + 1; // after a break, what was missed comes again from here
                break;
            case { Summary: { } summary }:
                _finished = true;
                view.OnSummary(summary);
                break;
        }
    }

    private void Acknowledge(long sample)
    {
        lock (_unacknowledged)
        {
            while (_unacknowledged.TryPeek(out var audio) && audio.FirstSample + audio.Data.Length / source.Format.BytesPerFrame <= sample)
            {
                _unacknowledged.Dequeue();
                _room.Release();
            }
        }
    }
}
