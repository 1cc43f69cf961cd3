using System.Runtime.CompilerServices;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Dass.Grid.Client;

/// <summary>
/// Subscribes to one stream or several. A call that breaks is followed by another that goes on after the last chunk that came of each
/// stream.
/// </summary>
/// <param name="grid">The grid.</param>
/// <param name="request">What is wanted; copied.</param>
/// <param name="reconnect">How long to try again.</param>
public sealed class StreamSubscription(GridClient grid, SubscribeRequest request, ReconnectOptions? reconnect = null)
{
    private const int MaxOver = 1_000;

    /// <summary>
    /// A stream that its silo's death has taken before its first checkpoint begins again with what subscribers have had: it is the same
    /// one. After so many chunks another begin is another stream.
    /// </summary>
    private const int YoungChunks = 128;

    /// <summary>The grid lists the streams that begin once a second.</summary>
    private static readonly TimeSpan Unlisted = TimeSpan.FromSeconds(2);

    /// <summary>Streams of which a call that stood for so long has brought nothing are gone: where they were is forgotten.</summary>
    private static readonly TimeSpan Gone = TimeSpan.FromMinutes(1);

    private readonly SubscribeRequest _request = request.Clone();
    private readonly TimeProvider _time = (reconnect ?? new ReconnectOptions()).Time;
    private readonly Reconnects _reconnects = new(reconnect ?? new ReconnectOptions());
    private readonly HashSet<string> _heard = new(StringComparer.Ordinal); // streams that the call has begun
    // By stream: the chunk after the last one that was returned.
    private readonly Dictionary<string, long> _next = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Timestamp> _begun = new(StringComparer.Ordinal); // by stream: when, until it ends
    // What a new call with from_chunk may bring again.
    private readonly Dictionary<string, (Timestamp? Begun, long Next)> _over = new(StringComparer.Ordinal);
    private readonly HashSet<string> _again = new(StringComparer.Ordinal); // and what it does
    private long? _first; // when the grid answered first
    private long? _served; // and last
    private bool _isStale; // the call: it was asked to go on where a stream of before was

    /// <summary>The grid's answers; the next one is asked for when it is wanted. Enumerated once.</summary>
    /// <exception cref="RpcException">The grid refuses, or stays away for longer than the attempts last.</exception>
    public async IAsyncEnumerable<SubscribeResponse> RunAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        AsyncServerStreamingCall<SubscribeResponse>? call = null;
        try
        {
            while (true)
            {
                try
                {
                    call ??= await CallAsync(cancellationToken).ConfigureAwait(false);
                    if (!await BrokenConnection.AsStatusAsync(call.ResponseStream.MoveNext(cancellationToken)).ConfigureAwait(false))
                    {
                        yield break;
                    }
                }
                catch (Exception broken) when (IsWorthAnother(broken) && !cancellationToken.IsCancellationRequested)
                {
                    call?.Dispose();
                    call = null;
                    await _reconnects.PauseAsync(broken, cancellationToken).ConfigureAwait(false);
                    continue;
                }
                _served = _time.GetTimestamp();
                if (IsNew(call.ResponseStream.Current))
                {
                    yield return call.ResponseStream.Current;
                }
                if (_isStale)
                {
                    _isStale = false;
                    call.Dispose();
                    call = null;
                }
            }
        }
        finally
        {
            call?.Dispose();
        }
    }

    private async Task<AsyncServerStreamingCall<SubscribeResponse>> CallAsync(CancellationToken cancellationToken)
    {
        if (_request.StreamId.Length == 0 && _served is { } last)
        {
            var (away, ever) = (_time.GetElapsedTime(last) + Unlisted, _time.GetElapsedTime(_first ?? last));
            _request.Away = Duration.FromTimeSpan(away < ever ? away : ever); // what was over before the first call stays unheard
        }
        _heard.Clear();
        var call = grid.Tagging.Subscribe(_request, cancellationToken: cancellationToken);
        try
        {
            // Sent at once for several streams, of which there may be none yet; with the first answer for one.
            await BrokenConnection.AsStatusAsync(call.ResponseHeadersAsync).ConfigureAwait(false);
        }
        catch
        {
            call.Dispose();
            throw;
        }
        _first ??= _time.GetTimestamp();
        _reconnects.Answered();
        return call;
    }

    private bool IsWorthAnother(Exception broken)
    {
        var stood = _reconnects.Ended();
        if (stood > Unlisted && (_served is not { } served || _time.GetElapsedTime(served) > stood))
        {
            _served = _time.GetTimestamp() - (long)(stood.TotalSeconds * _time.TimestampFrequency); // what had begun by then has been told
        }
        if (stood >= Gone)
        {
            foreach (var gone in _request.Cursors.Keys.Where(stream => !_heard.Contains(stream)).ToArray())
            {
                Forget(gone);
            }
        }
        return _reconnects.Allows(broken, _served is null);
    }

    private void Forget(string stream)
    {
        _next.Remove(stream);
        _begun.Remove(stream);
        _request.Cursors.Remove(stream);
    }

    private bool IsNew(SubscribeResponse response)
    {
        var stream = response.StreamId;
        if (response.Subscribed is { } subscribed)
        {
            _heard.Add(stream);
            if (_next.GetValueOrDefault(stream) > YoungChunks && _begun.TryGetValue(stream, out var before)
                && !before.Equals(subscribed.CaptureTime))
            {
                _isStale = true;
                _next.Remove(stream);
                GoOnAt(stream, 0);
                _begun[stream] = subscribed.CaptureTime;
                return false;
            }
            _begun[stream] = subscribed.CaptureTime;
            _again.Remove(stream);
            if (_over.TryGetValue(stream, out var over) && subscribed.CaptureTime.Equals(over.Begun) && subscribed.NextChunk >= over.Next)
            {
                _again.Add(stream);
            }
        }
        if (_again.Contains(stream))
        {
            return false;
        }
        if (response.Ended is not null)
        {
            if (_over.Count >= MaxOver)
            {
                _over.Remove(_over.Keys.First());
            }
            _over[stream] = (_begun.GetValueOrDefault(stream), _next.GetValueOrDefault(stream));
        }
        return Follows(response);
    }

    private bool Follows(SubscribeResponse response)
    {
        switch (response)
        {
            case { Subscribed: { } subscribed }:
                if (!_request.HasFromChunk && !_request.Cursors.ContainsKey(response.StreamId))
                {
                    GoOnAt(response.StreamId, subscribed.NextChunk); // when the call breaks before its first chunk
                }
                return true;
            case { Tags: { } tags }:
                if (tags.Chunk < _next.GetValueOrDefault(response.StreamId))
                {
                    return false;
                }
                _reconnects.Progress();
                _next[response.StreamId] = tags.Chunk + 1;
                GoOnAt(response.StreamId, tags.Chunk + 1);
                return true;
            case { Dropped: { } dropped }:
                if (_request.StreamId.Length > 0 ? _request.HasFromChunk : _request.Cursors.ContainsKey(response.StreamId))
                {
                    var cursor = _request.StreamId.Length > 0 ? _request.FromChunk : _request.Cursors[response.StreamId];
                    GoOnAt(response.StreamId, cursor + dropped.Chunks); // or it would be told of them again
                }
                return true;
            case { Passed: { } passed }:
                if (passed.NextChunk > _next.GetValueOrDefault(response.StreamId))
                {
                    _next[response.StreamId] = passed.NextChunk;
                    GoOnAt(response.StreamId, passed.NextChunk);
                }
                return false;
            case { Ended: not null }:
                Forget(response.StreamId); // the id may be used again
                return true;
            default:
                return true;
        }
    }

    private void GoOnAt(string stream, long chunk)
    {
        if (_request.StreamId.Length > 0)
        {
            _request.FromChunk = chunk;
        }
        else
        {
            _request.Cursors[stream] = chunk;
        }
    }
}
