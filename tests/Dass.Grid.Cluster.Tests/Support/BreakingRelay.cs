using System.Net;
using System.Net.Sockets;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>One connection through a <see cref="BreakingRelay"/>.</summary>
/// <param name="Grid">Where it leads.</param>
/// <param name="Answers">Bytes of answers that are passed on; what follows is swallowed.</param>
/// <param name="Breaks">Ends the connection. Null: when the answers are used up.</param>
internal sealed record Route(Uri Grid, long Answers = long.MaxValue, Task? Breaks = null);

/// <summary>
/// A port in front of a grid that breaks connections at a place that the test names: the first takes the first route, the last route serves
/// the rest.
/// </summary>
internal sealed class BreakingRelay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _answersUsedUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _accepting;

    public BreakingRelay(params Route[] routes)
    {
        _listener.Start();
        _accepting = AcceptAsync(new Queue<Route>(routes));
    }

    public string Address => $"http://{_listener.LocalEndpoint}";

    /// <summary>Completes when a connection has passed on all the answers that it may.</summary>
    public Task AnswersUsedUp => _answersUsedUp.Task;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task AcceptAsync(Queue<Route> routes)
    {
        var open = new List<Task>();
        try
        {
            while (true)
            {
                var client = await _listener.AcceptSocketAsync(_stop.Token);
                open.Add(RelayAsync(client, routes.Count > 1 ? routes.Dequeue() : routes.Peek()));
            }
        }
        finally
        {
            await Task.WhenAll(open).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task RelayAsync(Socket client, Route route)
    {
        using var _ = client;
        using var grid = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.NoDelay = true;
        await grid.ConnectAsync(route.Grid.Host, route.Grid.Port, _stop.Token);
        using var broken = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        Task[] ways = [CopyAsync(client, grid, long.MaxValue, broken.Token), CopyAsync(grid, client, route.Answers, broken.Token)];
        await Task.WhenAny([.. ways, route.Breaks ?? (route.Answers < long.MaxValue ? AnswersUsedUp : Task.WhenAll(ways))]);

        // An end of data, not a reset: what has been passed on arrives.
        client.Shutdown(SocketShutdown.Send);
        await broken.CancelAsync();
        await Task.WhenAll(ways).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        grid.Close();
        await CopyAsync(client, to: null, long.MaxValue, _stop.Token);
    }

    private async Task CopyAsync(Socket from, Socket? to, long most, CancellationToken cancellationToken)
    {
        var buffer = new byte[16 << 10];
        int read;
        while ((read = await from.ReceiveAsync(buffer, cancellationToken)) > 0)
        {
            var passed = (int)Math.Min(read, most);
            if (to is not null && passed > 0)
            {
                await to.SendAsync(buffer.AsMemory(0, passed), cancellationToken);
            }
            most -= passed;
            if (most == 0)
            {
                _answersUsedUp.TrySetResult();
            }
        }
    }
}
