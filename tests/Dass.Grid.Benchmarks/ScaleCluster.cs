using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Dass.Grid.Benchmarks;

/// <summary>Redis, some silos and a gateway, each a process of its own on loopback.</summary>
internal sealed class ScaleCluster : IDisposable
{
    private static readonly string[] Counted = ["cmdstat_", "total_net"];

    private static readonly string Others = $"{Math.Min(1, Environment.ProcessorCount - 1)}-{Environment.ProcessorCount - 1}";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("dass-scale-");
    private readonly Process _redis;
    private readonly int _port = FreePort();

    /// <param name="silos">How many.</param>
    /// <param name="model">As <see cref="ScaleProcess"/> takes it.</param>
    /// <param name="withGateway">Whether clients can come.</param>
    public ScaleCluster(int silos, string model, bool withGateway = true)
    {
        Bind(Others); // Redis inherits it
        _redis = Process.Start(new ProcessStartInfo("redis-server",
        [
            "--port", $"{_port}", "--bind", "127.0.0.1", "--dir", _folder.FullName, "--loglevel", "warning", "--save", "",
            "--appendonly", "yes", "--appendfsync", "everysec", // as deploy/cluster.sh
        ]) { RedirectStandardOutput = true })!;
        while (!Redis("ping").StartsWith("PONG", StringComparison.Ordinal))
        {
            Thread.Sleep(100);
        }
        Silos = [.. Enumerable.Range(0, silos).Select(_ => Start(ScaleProcess.Silo, model))];
        if (withGateway)
        {
            Gateway = Start(ScaleProcess.Gateway, model);
        }
    }

    /// <summary>Debian's package of the same name has it.</summary>
    public static bool HasRedis => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .Any(path => File.Exists(Path.Combine(path, "redis-server")));

    public Uri Address { get; private set; } = null!;

    public Process[] Silos { get; }

    public Process? Gateway { get; }

    public double RedisCpu
    {
        get
        {
            _redis.Refresh();
            return _redis.TotalProcessorTime.TotalSeconds;
        }
    }

    /// <summary>What Redis has counted, by name: commands as "calls of get", and bytes.</summary>
    public Dictionary<string, double> RedisCounts
    {
        get
        {
            var counts = new Dictionary<string, double>();
            foreach (var line in Redis("info", "stats", "commandstats").Split('\n').Select(line => line.Trim().Split(':')))
            {
                if (line is [var name, var value] && Counted.Any(known => name.StartsWith(known, StringComparison.Ordinal)))
                {
                    var number = value.Split(',')[0].Replace("calls=", "", StringComparison.Ordinal);
                    counts[name] = double.Parse(number, CultureInfo.InvariantCulture);
                }
            }
            return counts;
        }
    }

    public string Redis(params string[] command)
    {
        using var client = Process.Start(new ProcessStartInfo("redis-cli", ["-p", $"{_port}", .. command])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        return client.StandardOutput.ReadToEnd();
    }

    public void Dispose()
    {
        foreach (var process in Gateway is null ? Silos : [Gateway, .. Silos])
        {
            process.Kill(); // what they would write at their end is not asked for
            process.Dispose();
        }
        _redis.Kill();
        _redis.WaitForExit();
        _redis.Dispose();
        _folder.Delete(recursive: true);
        Bind($"0-{Environment.ProcessorCount - 1}");
    }

    /// <summary>Silos have the first core and all else the others: so what each has beside it does not change with the silos.</summary>
    private Process Start(string role, string model)
    {
        var core = role == ScaleProcess.Silo ? "0" : Others;
        var start = new ProcessStartInfo(
            "taskset",
            ["-c", core, Environment.ProcessPath!, HostProcess.Argument, ScaleProcess.Argument, role, $"127.0.0.1:{_port}", model])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true,
        };
        start.Environment["DOTNET_gcServer"] = "1"; // as the host's own
        var process = Process.Start(start)!;
        Address = new Uri(process.StandardOutput.ReadLine()!); // the gateway comes last
        return process;
    }

    private static void Bind(string cores) => Process.Start(
        new ProcessStartInfo("taskset", ["-acp", cores, $"{Environment.ProcessId}"]) { RedirectStandardOutput = true })!.WaitForExit();

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
