using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>Debian's broker on a free port of loopback, with its own configuration and nothing of the machine's.</summary>
internal sealed class Mosquitto : IDisposable
{
    private readonly string _configuration;
    private Process? _process;

    /// <param name="directory">For its files.</param>
    /// <param name="lines">Of the configuration, beside the listener.</param>
    public Mosquitto(DirectoryInfo directory, params string[] lines)
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        Port = ((IPEndPoint)probe.LocalEndpoint).Port;
        _configuration = Path.Combine(directory.FullName, $"mosquitto-{Port}.conf");
        File.WriteAllLines(_configuration, [$"listener {Port} 127.0.0.1", "user root", .. lines]);
    }

    public int Port { get; }

    public async Task StartAsync()
    {
        _process?.Dispose();
        _process = Process.Start(
            new ProcessStartInfo("mosquitto", ["-c", _configuration]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await TestGrid.UntilAsync(async () =>
        {
            using var probe = new TcpClient();
            try
            {
                await probe.ConnectAsync(IPAddress.Loopback, Port);
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        });
    }

    /// <summary>SIGKILL.</summary>
    public void Kill()
    {
        _process!.Kill();
        _process.WaitForExit();
    }

    /// <summary>Everything below a topic, by Debian's own client, as lines "topic payload".</summary>
    public async Task<string[]> ReadAsync(string topic, int seconds = 2, params string[] more)
    {
        using var client = Process.Start(new ProcessStartInfo(
            "mosquitto_sub", ["-p", $"{Port}", "-t", topic, "-v", "-q", "1", "-W", $"{seconds}", .. more])
        {
            RedirectStandardOutput = true,
        })!;
        var lines = await client.StandardOutput.ReadToEndAsync();
        await client.WaitForExitAsync();
        return lines.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    public void Dispose()
    {
        if (_process is { HasExited: false })
        {
            Kill();
        }
        _process?.Dispose();
    }
}
