using System.Diagnostics;
using System.Runtime.CompilerServices;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Client;

/// <summary>
/// Feeds one source to one stream until its end. A call that breaks is followed by another that goes on where the grid asks for audio, so
/// no audio is lost, and no chunk comes twice.
/// </summary>
/// <param name="grid">The grid.</param>
/// <param name="tape">The audio; stays the caller's.</param>
/// <param name="config">The stream; copied. Its format is the tape's, its positions are filled in.</param>
/// <param name="options">How it is fed.</param>
public sealed class StreamFeed(GridClient grid, AudioTape tape, StreamConfig config, StreamFeedOptions? options = null)
{
    private readonly StreamFeedOptions _options = options ?? new StreamFeedOptions();
    private readonly StreamConfig _config = new(config) { Format = tape.Format };
    private readonly Reconnects _reconnects = new((options ?? new StreamFeedOptions()).Reconnect);
    private Call? _call;
    private bool _ready; // the stream has been there once
    private volatile bool _finishing;
    private volatile bool _leaving; // all audio is sent, and the stream stays open
    private bool _finished;
    private long _nextChunk; // chunks before it have been returned

    /// <summary>
    /// The grid's answers: Ready after each connection, then what a call of Stream brings, and Summary as the last. The next one is asked
    /// for when it is wanted, and when none is wanted for long, no more audio is read. Enumerated once.
    /// </summary>
    /// <exception cref="RpcException">The grid refuses, or stays away for longer than the attempts last.</exception>
    /// <exception cref="IOException">The source cannot be read, or the grid wants audio again that is no longer kept.</exception>
    public async IAsyncEnumerable<StreamResponse> RunAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        try
        {
            while (true)
            {
                StreamResponse? response;
                try
                {
                    response = await NextAsync(cancellationToken).ConfigureAwait(false);
                }
                catch (Exception) when (_finished)
                {
                    yield break; // everything has been returned
                }
                catch (RpcException ended) when (ended.StatusCode == StatusCode.FailedPrecondition && _finishing)
                {
                    // The stream has ended as it was asked to; only the answer was lost.
                    await HangUpAsync().ConfigureAwait(false);
                    break;
                }
                catch (Exception broken) when (IsWorthAnother(broken) && !cancellationToken.IsCancellationRequested)
                {
                    await HangUpAsync().ConfigureAwait(false);
                    await _reconnects.PauseAsync(broken, cancellationToken).ConfigureAwait(false);
                    continue;
                }
                if (response is null)
                {
                    yield break;
                }
                yield return response;
            }
            var rest = new SubscribeRequest { StreamId = _config.StreamId, FromChunk = _nextChunk, Filter = _config.Filter };
            var subscription = new StreamSubscription(grid, rest, _options.Reconnect);
            await foreach (var received in subscription.RunAsync(cancellationToken).ConfigureAwait(false))
            {
                foreach (var response in Translate(received))
                {
                    yield return response;
                }
            }
        }
        finally
        {
            await HangUpAsync().ConfigureAwait(false);
        }
    }

    private bool IsWorthAnother(Exception broken)
    {
        _reconnects.Ended();
        return _reconnects.Allows(broken, !_ready);
    }

    /// <returns>Null: the stream has ended, and its summary has been returned.</returns>
    private async Task<StreamResponse?> NextAsync(CancellationToken cancellationToken)
    {
        if (_call is null)
        {
            return await BeginAsync(cancellationToken).ConfigureAwait(false);
        }
        if (_call.Write is { } write)
        {
            (_call.Write, _call.Writing) = (null, write()); // a caller that asks for more has had Ready
        }
        var (answers, stopped) = (_call.Stream.ResponseStream, _call.Stop.Token);
        try
        {
            while (await BrokenConnection.AsStatusAsync(answers.MoveNext(stopped)).ConfigureAwait(false))
            {
                if (IsNew(answers.Current))
                {
                    return answers.Current;
                }
            }
        }
        catch (Exception) when (stopped.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            await _call.Writing.ConfigureAwait(false); // throws the reason
            throw;
        }
        return _finished || _leaving
            ? null
            : throw new RpcException(new Status(StatusCode.Unavailable, "the call ended before the stream did"));
    }

    private async Task<StreamResponse> BeginAsync(CancellationToken cancellationToken)
    {
        var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var trace = GridClient.Activities.StartActivity("dass.feed", ActivityKind.Client); // the gateway's traces have links to it
        _call = new Call(grid.Tagging.Stream(cancellationToken: stop.Token), stop, trace);
        var (requests, answers) = (_call.Stream.RequestStream, _call.Stream.ResponseStream);
        _config.OldestSample = tape.OldestSample ?? 0;
        await SendAsync(requests, new StreamRequest { Config = _config }, stop.Token).ConfigureAwait(false);
        if (!await BrokenConnection.AsStatusAsync(answers.MoveNext(stop.Token)).ConfigureAwait(false))
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "the grid ended the call before it answered"));
        }
        var ready = answers.Current.Ready;
        _reconnects.Answered();
        if (!_ready)
        {
            // From now on a call that breaks costs no chunk, even before the first one has come.
            _config.FromChunk = _nextChunk = _config.HasFromChunk ? _config.FromChunk : ready.NextChunk;
            (_ready, _config.StreamId) = (true, ready.StreamId);
            _config.BeginAgain = false; // if it ends meanwhile, it has ended as it was asked to
        }
        _config.Begun = ready.Begun; // a grid that loses the stream begins the same one again
        await tape.SeekAsync(ready.NextSample).ConfigureAwait(false);
        _call.Write = () => WriteAsync(requests, ready.NextSample, stop);
        return answers.Current;
    }

    /// <summary>What goes wrong with the audio ends the call; what goes wrong with the call shows in its answers.</summary>
    private async Task WriteAsync(IClientStreamWriter<StreamRequest> to, long firstSample, CancellationTokenSource stop)
    {
        var began = _options.Reconnect.Time.GetTimestamp();
        try
        {
            while (await tape.NextAsync(stop.Token).ConfigureAwait(false) is { } audio)
            {
                var due = TimeSpan.FromSeconds((double)(tape.End(audio) - firstSample) / tape.Format.SampleRateHz);
                var early = due - _options.Reconnect.Time.GetElapsedTime(began);
                if (_options.Realtime && early > TimeSpan.Zero)
                {
                    await Task.Delay(early, _options.Reconnect.Time, stop.Token).ConfigureAwait(false);
                }
                _options.Sent?.Invoke(tape.End(audio));
                await SendAsync(to, new StreamRequest { Audio = audio }, stop.Token).ConfigureAwait(false);
            }
            _options.Sent?.Invoke(long.MaxValue);
            if (_options.LeavesOpen?.Invoke() == true)
            {
                _leaving = true;
                await to.CompleteAsync().ConfigureAwait(false);
                return;
            }
            _finishing = true;
            await SendAsync(to, new StreamRequest { Finish = new Finish() }, stop.Token).ConfigureAwait(false);
            await to.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception broken) when (broken is RpcException or InvalidOperationException || stop.IsCancellationRequested)
        {
            // The answers carry why the call is over.
        }
        catch
        {
            await stop.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static Task SendAsync(IClientStreamWriter<StreamRequest> to, StreamRequest request, CancellationToken cancellationToken) =>
        BrokenConnection.AsStatusAsync(to.WriteAsync(request, cancellationToken));

    private bool IsNew(StreamResponse response)
    {
        switch (response)
        {
            case { Ack: { } ack }:
                _reconnects.Progress();
                tape.Acknowledge(ack.AppliedSample, ack.DurableSample);
                return true;
            case { Tags: { } tags }:
                if (tags.Chunk < _nextChunk)
                {
                    return false; // a grid that lost the stream runs it again from the start
                }
                _config.FromChunk = _nextChunk = tags.Chunk + 1;
                return true;
            case { Summary: not null }:
                _finished = true;
                return true;
            default:
                return true;
        }
    }

    private static IEnumerable<StreamResponse> Translate(SubscribeResponse received) => received switch
    {
        { Tags: { } tags } => [new StreamResponse { Tags = tags }],
        { Gap: { } gap } => [new StreamResponse { Gap = gap }],
        { Ended: { } ended } =>
            [new StreamResponse { Events = new EventList { Events = { ended.Events } } }, new StreamResponse { Summary = ended.Summary }],
        _ => [],
    };

    private async Task HangUpAsync()
    {
        if (_call is { } call)
        {
            _call = null;
            await call.Stop.CancelAsync().ConfigureAwait(false);
            await call.Writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            call.Stream.Dispose();
            call.Stop.Dispose();
            call.Trace?.Dispose();
        }
    }

    private sealed class Call(
        AsyncDuplexStreamingCall<StreamRequest, StreamResponse> stream, CancellationTokenSource stop, Activity? trace)
    {
        public AsyncDuplexStreamingCall<StreamRequest, StreamResponse> Stream => stream;

        public CancellationTokenSource Stop => stop;

        public Activity? Trace => trace;

        /// <summary>Begins to send the audio. Null: that has been done, or the grid is not ready.</summary>
        public Func<Task>? Write { get; set; }

        public Task Writing { get; set; } = Task.CompletedTask;
    }
}
