using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Dass.Grid.Soak;

/// <summary>The grid as a process of its own, and what the operating system and its metrics say of it. Linux only.</summary>
internal sealed class HostProcess : IDisposable
{
    private const string Collected = "collected: ";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(60) }; // a busy machine

    private readonly Uri _operations = new($"http://127.0.0.1:{FreePort()}");
    private readonly Process _process;
    private readonly string _log;
    private TaskCompletionSource<long> _collected = new();
    private int _complaints;

    public HostProcess(IEnumerable<KeyValuePair<string, string>> settings, string logFile)
    {
        _log = logFile;
        string[] command =
        [
            Environment.ProcessPath!,
            .. Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
                ? [typeof(HostProcess).Assembly.Location]
                : Array.Empty<string>(),
            "host", $"--Grid:Listen={Address.GetLeftPart(UriPartial.Authority)}",
            $"--Grid:HttpListen={HttpAddress.GetLeftPart(UriPartial.Authority)}",
            $"--Grid:OperationsListen={_operations.GetLeftPart(UriPartial.Authority)}",
            $"--Grid:SiloPort={FreePort()}", .. settings.Select(setting => $"--{setting.Key}={setting.Value}"),
        ];
        _process = Process.Start(
            new ProcessStartInfo(command[0], command[1..])
            {
                RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
            })!;
        var log = TextWriter.Synchronized(new StreamWriter(logFile) { AutoFlush = true });
        void Write(object sender, DataReceivedEventArgs line)
        {
            if (line.Data?.StartsWith(Collected, StringComparison.Ordinal) == true)
            {
                _collected.TrySetResult(long.Parse(line.Data.AsSpan(Collected.Length), CultureInfo.InvariantCulture));
                return;
            }
            log.WriteLine(line.Data);
            if (
                line.Data is { } text && (
                    text.Contains("warn:", StringComparison.Ordinal) || text.Contains("fail:", StringComparison.Ordinal)))
            {
                Interlocked.Increment(ref _complaints);
            }
        }
        _process.OutputDataReceived += Write;
        _process.ErrorDataReceived += Write;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public Uri Address { get; } = new($"http://127.0.0.1:{FreePort()}");

    public Uri HttpAddress { get; } = new($"http://127.0.0.1:{FreePort()}");

    /// <summary>Lines of its log that are warnings or errors.</summary>
    public int Complaints => _complaints;

    /// <summary>Processor time so far.</summary>
    public TimeSpan Worked
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>Bytes in memory now.</summary>
    public long Resident
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    public async Task ReadyAsync(CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        while (!await IsReadyAsync(cancellationToken))
        {
            if (_process.HasExited || Stopwatch.GetElapsedTime(began) > Patience)
            {
                throw new InvalidOperationException($"The host did not become ready; see {_log}.");
            }
            await Task.Delay(200, cancellationToken);
        }
    }

    /// <summary>In the host's own process: collects all garbage for each line of standard input, and answers with what lives.</summary>
    public static void CollectWhenAsked()
    {
        while (Console.In.ReadLine() is not null)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            Console.Out.WriteLine(Collected + GC.GetTotalMemory(forceFullCollection: false));
        }
    }

    /// <summary>Has the host collect all garbage, which tells what its memory holds from what its collector has not looked at.</summary>
    /// <returns>Bytes in memory, and bytes of managed heap among them.</returns>
    public async Task<(long Resident, long Heap)> CollectAsync(CancellationToken cancellationToken)
    {
        _collected = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await _process.StandardInput.WriteLineAsync("collect".AsMemory(), cancellationToken);
        await _process.StandardInput.FlushAsync(cancellationToken);
        var heap = await _collected.Task.WaitAsync(Patience, cancellationToken);
        return (Resident, heap);
    }

    /// <summary>Sum of a metric over its tags.</summary>
    public async Task<double> MetricAsync(string name, CancellationToken cancellationToken) =>
        (await Http.GetStringAsync(new Uri(_operations, "/metrics"), cancellationToken))
        .Split('\n')
        .Where(line => line.StartsWith(name + "{", StringComparison.Ordinal) || line.StartsWith(name + " ", StringComparison.Ordinal))
        .Sum(line => double.Parse(line[(line.LastIndexOf('}') + 1)..].Trim().Split(' ')[0], CultureInfo.InvariantCulture));

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }
        _process.Dispose();
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var answer = await Http.GetAsync(new Uri(_operations, "/healthz/ready"), cancellationToken);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception away) when (away is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }
}
