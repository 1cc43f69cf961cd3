using System.Net;
using System.Net.Sockets;

namespace Dass.Grid.Host;

/// <summary>
/// The ports of a host, before it starts: a silo that finds one taken has joined its grid already, and leaves it with many words.
/// </summary>
public static class GridPorts
{
    /// <param name="app">As it was built.</param>
    /// <exception cref="IOException">Another program has one of its ports; the message names the setting.</exception>
    public static void RequireFree(WebApplication app)
    {
        var grid = app.Configuration.GetSection("Grid").Get<GridOptions>() ?? new GridOptions();
        (string Setting, string? Url)[] listeners = grid.Role == GridRole.Silo
            ? [("Grid:OperationsListen", grid.OperationsListen)]
            : [("Grid:Listen", grid.Listen), ("Grid:HttpListen", grid.HttpListen), ("Grid:OperationsListen", grid.OperationsListen)];
        foreach (var (setting, url) in listeners)
        {
            if (string.IsNullOrEmpty(url) || GridOptions.Endpoint(url) is not { Port: > 0 } endpoint)
            {
                continue;
            }
            RequireFree(setting, url, endpoint);
        }
    }

    /// <param name="setting">What names the port.</param>
    /// <param name="value">As it was given.</param>
    /// <param name="endpoint">What it means.</param>
    /// <exception cref="IOException">Nothing can listen there; the message names the setting.</exception>
    public static void RequireFree(string setting, string value, IPEndPoint endpoint)
    {
        try
        {
            using var probe = new TcpListener(endpoint);
            probe.Start();
        }
        catch (SocketException taken)
        {
            throw Refused(setting, value, taken);
        }
    }

    /// <summary>What to do about an address on which nothing can listen.</summary>
    /// <param name="setting">What names the address.</param>
    /// <param name="value">As it was given.</param>
    /// <param name="why">What the system says.</param>
    public static IOException Refused(string setting, string value, Exception why)
    {
        var isForbidden = why.GetBaseException() is SocketException { SocketErrorCode: SocketError.AccessDenied };
        return new IOException(
            $"{setting} is '{value}', which cannot be listened on: {why.GetBaseException().Message.TrimEnd('.')}. "
            + (isForbidden ? "Ports below 1024 are the administrator's; another port can be set."
                : "Another grid may run; another port can be set."));
    }
}
