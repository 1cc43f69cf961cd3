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
            try
            {
                using var probe = new TcpListener(endpoint);
                probe.Start();
            }
            catch (SocketException taken)
            {
                throw new IOException(
                    $"{setting} is '{url}', which cannot be listened on: {taken.Message}. Another grid may run; another port can be set.");
            }
        }
    }
}
