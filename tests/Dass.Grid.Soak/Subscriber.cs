using Dass.Grid.Client;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Soak;

/// <summary>One subscriber of a tenant. It may break its calls off and come back with its cursors.</summary>
/// <param name="grid">With the tenant's key.</param>
/// <param name="tally">Of the tenant.</param>
/// <param name="request">What it subscribes to.</param>
/// <param name="breaks">Whether it breaks off.</param>
/// <param name="seed">Of its breaks.</param>
internal sealed class Subscriber(GridClient grid, ClientTally tally, SubscribeRequest request, bool breaks, int seed)
{
    private static readonly TimeSpan Known = TimeSpan.FromMinutes(10); // longer than the grid lists what has ended

    private readonly Random _random = new(seed);
    private readonly Dictionary<string, (long Next, DateTimeOffset? Ended)> _streams = [];
    private long _events;
    private long _dropped;

    public string What => request.AllStreams ? "all" : request.Prefix.Length > 0 ? "prefix" : "one";

    /// <summary>Closings that were received.</summary>
    public long Events => Interlocked.Read(ref _events);

    /// <summary>Chunks that the grid says it has dropped.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            using var leaving = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            if (breaks)
            {
                leaving.CancelAfter(TimeSpan.FromSeconds(30 + 60 * _random.NextDouble()));
            }
            try
            {
                using var call = grid.Tagging.Subscribe(Again(), cancellationToken: leaving.Token);
                while (await call.ResponseStream.MoveNext(leaving.Token))
                {
                    Take(call.ResponseStream.Current);
                }
                return; // its one stream has ended
            }
            catch (Exception) when (leaving.IsCancellationRequested)
            {
            }
            catch (RpcException broken)
            {
                tally.OnFailed($"subscriber of {What}: {broken.StatusCode} {broken.Status.Detail}");
            }
            await Task.Delay(
                TimeSpan.FromSeconds(3 * _random.NextDouble()), cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private SubscribeRequest Again()
    {
        var again = request.Clone();
        foreach (var (name, (next, ended)) in _streams.ToArray())
        {
            if (TimeProvider.System.GetUtcNow() - ended > Known)
            {
                _streams.Remove(name);
            }
            else
            {
                again.Cursors[name] = next;
            }
        }
        return again;
    }

    private void Take(SubscribeResponse response)
    {
        var (next, ended) = _streams.GetValueOrDefault(response.StreamId);
        switch (response)
        {
            case { Tags: { } tags }:
                if (tags.Chunk < next)
                {
                    tally.OnAstray();
                }
                _streams[response.StreamId] = (tags.Chunk + 1, ended);
                Close(tags.Events);
                break;
            case { Dropped: { } dropped }:
                Interlocked.Add(ref _dropped, dropped.Chunks);
                break;
            case { Ended: { } end } when ended is null:
                _streams[response.StreamId] = (next, TimeProvider.System.GetUtcNow());
                Close(end.Events);
                break;
        }
    }

    private void Close(IEnumerable<Event> events) => Interlocked.Add(ref _events, events.Count(sound => sound.Kind == EventKind.Closed));
}
