using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>
/// A port in front of a grid that is the network at its worst: away, it refuses each connection; holding, it passes no byte and says no
/// word, neither to those that it has nor to those that come.
/// </summary>
internal sealed class HoldingRelay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentBag<Task> _open = [];
    private readonly Uri _grid;
    private readonly Task _accepting;
    private TaskCompletionSource _passing = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _away;

    /// <param name="grid">Where it leads.</param>
    /// <param name="away">Until <see cref="Pass"/>.</param>
    public HoldingRelay(Uri grid, bool away = false)
    {
        (_grid, _away) = (grid, away);
        _passing.SetResult();
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public Uri Address => new($"http://{_listener.LocalEndpoint}");

    /// <summary>Connections that came while it was away.</summary>
    public int Refused { get; private set; }

    /// <summary>From now on nothing passes.</summary>
    public void Hold() => _passing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What was held goes on, and connections are taken again.</summary>
    public void Pass()
    {
        _away = false;
        _passing.TrySetResult();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll(_open).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            var client = await _listener.AcceptSocketAsync(_stop.Token);
            if (_away)
            {
                Refused++;
                client.Dispose();
            }
            else
            {
                _open.Add(RelayAsync(client));
            }
        }
    }

    private async Task RelayAsync(Socket client)
    {
        using var _ = client;
        using var grid = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.NoDelay = true;
        await grid.ConnectAsync(_grid.Host, _grid.Port, _stop.Token);
        await Task.WhenAny(CopyAsync(client, grid), CopyAsync(grid, client));
        await _passing.Task.WaitAsync(_stop.Token); // the end of one side is no word to the other either
    }

    private async Task CopyAsync(Socket from, Socket to)
    {
        var buffer = new byte[16 << 10];
        int read;
        while ((read = await from.ReceiveAsync(buffer, _stop.Token)) > 0)
        {
            await _passing.Task.WaitAsync(_stop.Token);
            await to.SendAsync(buffer.AsMemory(0, read), _stop.Token);
        }
    }
}
