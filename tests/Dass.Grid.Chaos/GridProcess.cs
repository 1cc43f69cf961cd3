using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Dass.Grid.Chaos;

/// <summary>One process of the grid: this program as a host. What it writes goes to a log file.</summary>
/// <param name="role">Silo or gateway.</param>
/// <param name="settings">Of the configuration.</param>
/// <param name="logFile">Is appended to.</param>
/// <param name="island">Where it runs; null: on this machine's own network.</param>
internal sealed class GridProcess(
    string role, Dictionary<string, string> settings, string logFile, NetworkIsland? island = null) : IDisposable
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(3) };

    private const int LeastEphemeral = 32_768; // Linux's default

    private static int _lastPort = Random.Shared.Next(20_000, 30_000);
    private static int _lastMachine;

    private string? _siloAddress; // null: that of the settings
    private Process? _process;

    private string Operations => $"http://{island?.Address ?? "127.0.0.1"}:{OperationsPort}";

    public string Role => role;

    /// <summary>Where health and metrics answer.</summary>
    public int OperationsPort { get; private set; } = FreePort();

    /// <summary>Where gRPC answers, for a gateway.</summary>
    public Uri Address { get; private set; } = Free();

    /// <summary>Where JSON, server-sent events and WebSockets answer, for a gateway.</summary>
    public Uri HttpAddress { get; private set; } = Free();

    public bool IsRunning => _process is { HasExited: false };

    /// <summary>
    /// Each port once, and none that the system gives to connections: what is free now is still so when its process has started.
    /// </summary>
    public static int FreePort()
    {
        while (true)
        {
            var port = Interlocked.Increment(ref _lastPort);
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                probe.Bind(new IPEndPoint(IPAddress.Any, port));
                return port;
            }
            catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse && port < LeastEphemeral)
            {
            }
        }
    }

    /// <summary>Starts again as on another machine: with other addresses and ports.</summary>
    public void StartElsewhere()
    {
        (Address, HttpAddress, OperationsPort) = (Free(), Free(), FreePort());
        _siloAddress = $"127.0.{1 + Interlocked.Increment(ref _lastMachine) / 200}.{1 + _lastMachine % 200}"; // all of 127/8 is loopback
        Start();
    }

    public void Start()
    {
        string[] command =
        [
            .. island is null ? Array.Empty<string>() : ["ip", "netns", "exec", island.Name],
            Environment.ProcessPath!, .. Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
                ? [typeof(GridProcess).Assembly.Location]
                : Array.Empty<string>(),
            "host", $"--Grid:Role={role}", $"--Grid:Listen={Address.GetLeftPart(UriPartial.Authority)}",
            $"--Grid:OperationsListen={Operations}",
            .. role == "gateway" ? [$"--Grid:HttpListen={HttpAddress.GetLeftPart(UriPartial.Authority)}"] : Array.Empty<string>(),
            .. settings.Select(setting => $"--{setting.Key}={setting.Value}"),
            .. (_siloAddress ?? island?.Address) is { } silo ? [$"--Grid:SiloAddress={silo}"] : Array.Empty<string>(),
            $"--Grid:SiloPort={FreePort()}", // of this life: a silo that comes back is another one
        ];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_gcServer"] = "0"; // five processes share the machine
        _process = Process.Start(start)!;
        var log = TextWriter.Synchronized(new StreamWriter(logFile, append: true) { AutoFlush = true });
        _process.OutputDataReceived += (_, line) => log.WriteLine(line.Data);
        _process.ErrorDataReceived += (_, line) => log.WriteLine(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public async Task ReadyAsync(CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                if ((await Http.GetAsync($"{Operations}/healthz/ready", cancellationToken)).IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (Exception away) when (
                away is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
            {
            }
            if (!IsRunning || Stopwatch.GetElapsedTime(began) > TimeSpan.FromSeconds(180))
            {
                throw new InvalidOperationException($"A {role} did not become ready; see {logFile}.");
            }
            await Task.Delay(100, cancellationToken);
        }
    }

    /// <summary>Sends a signal, e.g. KILL, STOP, CONT, TERM.</summary>
    public void Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", $"{_process!.Id}"]);
        kill.WaitForExit();
    }

    private static Uri Free() => new($"http://127.0.0.1:{FreePort()}");

    public Task ExitAsync() => _process!.WaitForExitAsync();

    public void Dispose()
    {
        if (_process is { HasExited: false } process)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }
        _process?.Dispose();
    }
}
