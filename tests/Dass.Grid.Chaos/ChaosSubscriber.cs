using System.Diagnostics;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Chaos;

/// <summary>
/// One subscriber of streams that other clients feed: of one, of a list, of a prefix, of all of its tenant, by gRPC or as server-sent
/// events. It comes back at any gateway when its call breaks, and takes up each stream where it was.
/// </summary>
/// <param name="kind">One of <see cref="Kinds"/>.</param>
/// <param name="streams">That it must receive, each to its end.</param>
/// <param name="prefix">That the ids of all streams of the run have.</param>
/// <param name="gateways">Of the grid.</param>
/// <param name="key">Of the tenant.</param>
/// <param name="first">Which gateway it calls first.</param>
internal sealed class ChaosSubscriber(
    string kind, IReadOnlyList<string> streams, string prefix, Gateways gateways, string key, int first)
{
    public static readonly string[] Kinds = ["one", "list", "prefix", "all", "sse-one", "sse-list"];

    /// <summary>As many as the id of a server-sent event has room for, and some to spare.</summary>
    public const int MaxListed = 20;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly Dictionary<string, Received> _received = streams.ToDictionary(stream => stream, _ => new Received());
    private readonly EventSource _browser = new(kind, streams, key);
    private int _gateway = first;

    public string Kind => kind;

    public IReadOnlyDictionary<string, Received> Streams => _received;

    /// <summary>Why it gave up; null: it received all, or was cancelled.</summary>
    public string? Failure { get; private set; }

    private bool IsComplete => _received.Values.All(stream => stream.Ended);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var trouble = 0L; // since when no answer has come
        while (!IsComplete && !cancellationToken.IsCancellationRequested)
        {
            try
            {
                await foreach (var answer in CallAsync(cancellationToken))
                {
                    trouble = 0;
                    Take(answer);
                    if (IsComplete)
                    {
                        return;
                    }
                }
            }
            catch (Exception) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (RpcException broken)
            {
                // A stream that is not there yet, or not again: its own client is about to begin it.
                var mayComeBack = broken.StatusCode == StatusCode.NotFound || ChaosStream.MayComeBack(broken);
                trouble = trouble == 0 ? Stopwatch.GetTimestamp() : trouble;
                if (!mayComeBack || Stopwatch.GetElapsedTime(trouble) > ChaosStream.Patience)
                {
                    Failure = $"subscriber of {kind}: {broken.StatusCode}: {broken.Status.Detail}";
                    return;
                }
            }
            _gateway++;
            await Task.Delay(Pause, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private IAsyncEnumerable<SubscribeResponse> CallAsync(CancellationToken cancellationToken) =>
        kind.StartsWith("sse", StringComparison.Ordinal)
            ? _browser.ReadAsync(gateways.Http(_gateway), cancellationToken)
            : ReadAsync(cancellationToken);

    private async IAsyncEnumerable<SubscribeResponse> ReadAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var call = gateways.Grpc(_gateway).Subscribe(
            Request(), new Metadata { { "x-api-key", key } }, cancellationToken: cancellationToken);
        while (await call.ResponseStream.MoveNext(cancellationToken))
        {
            yield return call.ResponseStream.Current;
        }
    }

    private SubscribeRequest Request()
    {
        var request = new SubscribeRequest { FromChunk = 0, Filter = new TagFilter { Top = Received.Top } };
        switch (kind)
        {
            case "one":
                request.StreamId = streams[0];
                request.FromChunk = _received[streams[0]].Next;
                return request;
            case "list":
                request.StreamIds.AddRange(streams);
                break;
            case "prefix":
                request.Prefix = prefix;
                break;
            default:
                request.AllStreams = true;
                break;
        }
        foreach (var (stream, received) in _received.Where(stream => stream.Value.Next > 0))
        {
            request.Cursors[stream] = received.Next;
        }
        return request;
    }

    private void Take(SubscribeResponse answer)
    {
        if (_received.TryGetValue(answer.StreamId, out var stream))
        {
            stream.Take(answer);
        }
    }
}

/// <summary>What a subscriber has received of one stream.</summary>
internal sealed class Received
{
    /// <summary>Scores of each chunk that are asked for.</summary>
    public const int Top = 3;

    public Dictionary<long, Tags> Tags { get; } = [];

    /// <summary>Openings and closings, each "id kind".</summary>
    public HashSet<string> Events { get; } = [];

    /// <summary>The chunk from which on a new call must go on.</summary>
    public long Next { get; private set; }

    /// <summary>Chunks that came twice or behind a later one, and events that came twice.</summary>
    public int Doubled { get; private set; }

    /// <summary>Chunks that the grid has reported as dropped.</summary>
    public long Dropped { get; private set; }

    public int Gaps { get; private set; }

    public bool Ended { get; private set; }

    public void Take(SubscribeResponse answer)
    {
        switch (answer)
        {
            case { Tags: { } tags }:
                Doubled += Tags.TryAdd(tags.Chunk, tags) && tags.Chunk >= Next ? 0 : 1;
                Next = Math.Max(Next, tags.Chunk + 1);
                Take(tags.Events);
                break;
            case { Dropped: { } dropped }:
                Dropped += dropped.Chunks;
                break;
            case { Gap: not null }:
                Gaps++;
                break;
            case { Ended: { } ended } when !Ended: // a call that comes back for others is told again what is over
                Ended = ended.Reason == EndReason.Finished;
                Take(ended.Events);
                break;
        }
    }

    private void Take(IEnumerable<Event> events)
    {
        foreach (var sound in events.Where(sound => sound.Kind != EventKind.Updated))
        {
            Doubled += Events.Add($"{sound.Id} {sound.Kind}") ? 0 : 1;
        }
    }
}
