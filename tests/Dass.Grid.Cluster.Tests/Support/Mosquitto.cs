using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Dass.Grid.Host;

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
        Port = EmbeddedGrid.FreePort();
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

    /// <summary>SIGHUP: it reads its files of rights again.</summary>
    public async Task ReloadAsync()
    {
        using var kill = Process.Start("kill", ["-HUP", $"{_process!.Id}"]);
        await kill.WaitForExitAsync();
    }

    /// <summary>SIGKILL.</summary>
    public void Kill()
    {
        _process!.Kill();
        _process.WaitForExit();
    }

    /// <summary>Hears everything, by Debian's own client, from when this returns on, and what is retained.</summary>
    public async Task<Reader> ReadAsync()
    {
        var reader = new Reader(Process.Start(new ProcessStartInfo("mosquitto_sub", ["-p", $"{Port}", "-t", "#", "-v", "-q", "1"])
        {
            RedirectStandardOutput = true,
        })!);
        await TestGrid.UntilAsync(async () =>
        {
            using var probe = Process.Start("mosquitto_pub", ["-p", $"{Port}", "-t", Reader.Probe, "-m", "x"]);
            await probe.WaitForExitAsync();
            return reader.IsReading;
        });
        return reader;
    }

    /// <summary>What a reader hears: topics and payloads, in order.</summary>
    public sealed class Reader : IDisposable
    {
        public const string Probe = "probe";

        private readonly Process _client;
        private readonly ConcurrentQueue<(string Topic, string Payload)> _messages = new();
        private volatile bool _isReading;

        public Reader(Process client)
        {
            _client = client;
            client.OutputDataReceived += (_, line) =>
            {
                if (line.Data?.IndexOf(' ', StringComparison.Ordinal) is not ({ } blank and > 0))
                {
                    return;
                }
                var topic = line.Data[..blank];
                _isReading |= topic == Probe;
                if (topic != Probe)
                {
                    _messages.Enqueue((topic, line.Data[(blank + 1)..]));
                }
            };
            client.BeginOutputReadLine();
        }

        public bool IsReading => _isReading;

        public (string Topic, string Payload)[] All => [.. _messages];

        public void Dispose()
        {
            if (!_client.HasExited)
            {
                _client.Kill();
            }
            _client.Dispose();
        }
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
