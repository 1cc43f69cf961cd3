using System.Diagnostics;
using Dass.Grid.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Dass.Grid.Chaos;

/// <summary>
/// One client: sends a stretch of audio in real time, keeps what is not durable, comes back at any gateway when its call breaks.
/// </summary>
/// <param name="id">Of its stream.</param>
/// <param name="audio">What it sends.</param>
/// <param name="gateways">Of the grid.</param>
/// <param name="key">Of the stream's tenant.</param>
/// <param name="first">Which gateway it calls first.</param>
/// <param name="overSocket">Whether it calls over a WebSocket instead of gRPC.</param>
internal sealed class ChaosStream(string id, Audio16k audio, Gateways gateways, string key, int first, bool overSocket)
{
    public const double ChunkSeconds = 0.96;

    private const int PieceSamples = Audio16k.Rate / 5;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Without any progress; a grid that is started cold on a busy machine takes most of it.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly Dictionary<long, Tags> _tags = [];
    private int _gateway = first;
    private long _durable;
    private long _began;
    private long _lastTags;
    private bool _finishing;
    private bool _ended; // as it was asked to; only the answer was lost

    public string Id => id;

    /// <summary>How it feeds its stream.</summary>
    public string Kind => overSocket ? "websocket" : "grpc";

    public IReadOnlyDictionary<long, Tags> Tags => _tags;

    /// <summary>Openings and closings, each "id kind".</summary>
    public HashSet<string> Events { get; } = [];

    /// <summary>Events that have closed, by id, and when that was told first, UTC.</summary>
    public Dictionary<string, DateTime> Closed { get; } = [];

    /// <summary>Chunks and events that came twice.</summary>
    public int Doubled { get; private set; }

    /// <summary>Audio that the grid asked for although it had said that it would not.</summary>
    public long Broken { get; private set; }

    public int Gaps { get; private set; }

    /// <summary>When the grid says that the stream began: the same in every call.</summary>
    public Timestamp? Begun { get; private set; }

    public Summary? Summary { get; private set; }

    public string? Failure { get; private set; }

    /// <summary>The longest time between two chunks, less that of a chunk.</summary>
    public TimeSpan LongestGap { get; private set; }

    /// <summary>When it ended, since the stream began.</summary>
    public TimeSpan LongestGapAt { get; private set; }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        _began = Stopwatch.GetTimestamp();
        var trouble = 0L; // since when no call works
        while (Summary is null && Failure is null)
        {
            try
            {
                await (_ended ? ReadRestAsync(cancellationToken) : CallAsync(() => trouble = 0, cancellationToken));
            }
            catch (RpcException ended) when (ended.StatusCode == StatusCode.FailedPrecondition && _finishing && !_ended)
            {
                _ended = true;
            }
            catch (RpcException broken) when (!cancellationToken.IsCancellationRequested)
            {
                trouble = trouble == 0 ? Stopwatch.GetTimestamp() : trouble;
                if (!MayComeBack(broken) || Stopwatch.GetElapsedTime(trouble) > Patience)
                {
                    Failure = $"{broken.StatusCode}: {broken.Status.Detail}";
                    return;
                }
                _gateway++;
                await Task.Delay(Pause, cancellationToken);
            }
        }
    }

    /// <summary>Whether a client calls again after this.</summary>
    public static bool MayComeBack(RpcException broken) => broken.StatusCode is
        StatusCode.Unavailable or StatusCode.Internal or StatusCode.Cancelled or StatusCode.Unknown or StatusCode.ResourceExhausted;

    private async Task CallAsync(Action onReady, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var config = new StreamConfig
        {
            StreamId = id,
            Format = Audio16k.Format,
            LookAhead = Reference.Options.LookAhead.ToDuration(),
            Filter = new TagFilter { Top = 0, Dense = true },
            FromChunk = NextChunk,
            OldestSample = _durable,
            Begun = Begun,
        };
        using var call = await (overSocket
            ? SocketAudio.BeginAsync(gateways.Http(_gateway), key, config, stop.Token)
            : GrpcAudio.BeginAsync(gateways.Grpc(_gateway), key, config, stop.Token));
        if (await call.ReadAsync(stop.Token) is not { Ready: { } ready })
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "no answer"));
        }
        onReady();
        Begun ??= ready.Begun;
        if (!Begun.Equals(ready.Begun))
        {
            Failure = $"The stream began at {Begun}, and is said to have begun at {ready.Begun}.";
            return;
        }
        Broken += Math.Max(0, _durable - ready.NextSample);
        var writing = WriteAsync(call, ready.NextSample, stop.Token);
        try
        {
            while (Summary is null && await call.ReadAsync(stop.Token) is { } answer)
            {
                Take(answer);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        if (Summary is null)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "the call ended before the stream"));
        }
    }

    private long NextChunk => _tags.Count > 0 ? _tags.Keys.Max() + 1 : 0;

    private async Task ReadRestAsync(CancellationToken cancellationToken)
    {
        var request = new SubscribeRequest { StreamId = id, Filter = new TagFilter { Top = 0, Dense = true }, FromChunk = NextChunk };
        using var call = gateways.Grpc(_gateway).Subscribe(
            request, new Metadata { { "x-api-key", key } }, cancellationToken: cancellationToken);
        while (await call.ResponseStream.MoveNext(cancellationToken))
        {
            switch (call.ResponseStream.Current)
            {
                case { Tags: { } tags }:
                    Doubled += _tags.TryAdd(tags.Chunk, tags) ? 0 : 1;
                    Take(tags.Events);
                    break;
                case { Ended: { } ended }:
                    Take(ended.Events);
                    Summary = ended.Summary;
                    break;
            }
        }
        if (Summary is null)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "the call ended before the stream"));
        }
    }

    private async Task WriteAsync(IAudioCall to, long next, CancellationToken cancellationToken)
    {
        while (next < audio.Samples)
        {
            var end = Math.Min(next + PieceSamples, audio.Samples);
            var early = TimeSpan.FromSeconds((double)end / Audio16k.Rate) - Stopwatch.GetElapsedTime(_began);
            if (early > TimeSpan.Zero)
            {
                await Task.Delay(early, cancellationToken);
            }
            var data = UnsafeByteOperations.UnsafeWrap(audio.Slice(next, end));
            await to.SendAsync(new StreamRequest { Audio = new Audio { FirstSample = next, Data = data } }, cancellationToken);
            next = end;
        }
        _finishing = true;
        await to.SendAsync(new StreamRequest { Finish = new Finish() }, cancellationToken);
    }

    private void Take(IEnumerable<Event> events)
    {
        foreach (var sound in events.Where(sound => sound.Kind != EventKind.Updated))
        {
            Doubled += Events.Add($"{sound.Id} {sound.Kind}") ? 0 : 1;
            if (sound.Kind == EventKind.Closed)
            {
                Closed.TryAdd(sound.Id, TimeProvider.System.GetUtcNow().UtcDateTime);
            }
        }
    }

    private void Take(StreamResponse response)
    {
        switch (response)
        {
            case { Tags: { } tags }:
                Doubled += _tags.TryAdd(tags.Chunk, tags) ? 0 : 1;
                Take(tags.Events);
                var now = Stopwatch.GetTimestamp();
                if (_lastTags != 0)
                {
                    var gap = Stopwatch.GetElapsedTime(_lastTags, now) - TimeSpan.FromSeconds(ChunkSeconds);
                    (LongestGap, LongestGapAt) = gap > LongestGap
                        ? (gap, Stopwatch.GetElapsedTime(_began, now))
                        : (LongestGap, LongestGapAt);
                }
                _lastTags = now;
                break;
            case { Events: { } list }:
                Take(list.Events);
                break;
            case { Ack: { } ack }:
                _durable = Math.Max(_durable, ack.DurableSample);
                break;
            case { Gap: not null }:
                Gaps++;
                break;
            case { Summary: { } summary }:
                Summary = summary;
                break;
        }
    }
}
