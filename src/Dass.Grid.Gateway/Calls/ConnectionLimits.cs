using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Calls;

/// <summary>
/// Bounds how many connections clients have open. A connection counts as a stranger's until a call on it has been authenticated: so
/// strangers cannot take the places of callers with a key, and what they make the web server buffer is bounded. A connection without a
/// place is closed at once, before TLS.
/// </summary>
internal sealed class ConnectionLimits(IOptions<GatewayOptions> options, GatewayInstruments instruments)
{
    private readonly PlacesByAddress _open = new(options.Value.MaxConnections, options.Value.MaxConnectionsPerAddress);
    private readonly PlacesByAddress _strangers =
        new(options.Value.MaxUnauthenticatedConnections, options.Value.MaxUnauthenticatedConnectionsPerAddress);

    /// <summary>A call on the request's connection has been authenticated.</summary>
    public static void OnAuthenticated(HttpContext http)
    {
        if (http.Features.Get<IConnectionItemsFeature>()?.Items.TryGetValue(typeof(Stranger), out var stranger) == true)
        {
            ((Stranger)stranger!).Leave();
        }
    }

    public async Task RunAsync(ConnectionContext connection, ConnectionDelegate serve)
    {
        var address = PlacesByAddress.AddressFrom((connection.RemoteEndPoint as IPEndPoint)?.Address);
        if (!_open.TryAcquire(address))
        {
            instruments.OnRefused("connections");
            return;
        }
        try
        {
            if (!_strangers.TryAcquire(address))
            {
                instruments.OnRefused("unauthenticated_connections");
                return;
            }
            var stranger = new Stranger(_strangers, address);
            connection.Items[typeof(Stranger)] = stranger;
            try
            {
                await serve(connection);
            }
            finally
            {
                stranger.Leave();
            }
        }
        finally
        {
            _open.Release(address);
        }
    }

    /// <summary>A stranger's place, which is released once.</summary>
    private sealed class Stranger(PlacesByAddress places, IPAddress address)
    {
        private int _left;

        public void Leave()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0)
            {
                places.Release(address);
            }
        }
    }
}
