using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Dass.Grid.Chaos.Drill;

/// <summary>Debian's Prometheus with the shipped configuration and rules, on the processes of a grid.</summary>
internal sealed partial class Prometheus : IDisposable
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(10) };

    private readonly int _port = GridProcess.FreePort();
    private readonly Process _process;

    /// <param name="directory">For its files.</param>
    /// <param name="targets">Where the grid's processes answer, as "host:port".</param>
    public Prometheus(string directory, IEnumerable<string> targets)
    {
        var shipped = Path.Combine(Checkout.Root, "deploy", "prometheus");
        var quoted = string.Join(", ", targets.Select(target => $"\"{target}\""));
        var configuration = File.ReadAllText(Path.Combine(shipped, "prometheus.yml"));
        var config = Path.Combine(directory, "prometheus.yml");
        File.WriteAllText(config, Collector().Replace(Targets().Replace(configuration, $"targets: [{quoted}]", 1), ""));
        var rules = Directory.CreateDirectory(Path.Combine(directory, "rules"));
        foreach (var file in Directory.GetFiles(Path.Combine(shipped, "rules"), "*.yml"))
        {
            File.Copy(file, Path.Combine(rules.FullName, Path.GetFileName(file)));
        }
        var log = new StreamWriter(Path.Combine(directory, "prometheus.log")) { AutoFlush = true };
        _process = Process.Start(new ProcessStartInfo(
            "prometheus",
            [
                $"--config.file={config}", $"--storage.tsdb.path={Path.Combine(directory, "prometheus")}",
                $"--web.listen-address=127.0.0.1:{_port}",
            ])
        { RedirectStandardOutput = true, RedirectStandardError = true })!;
        _process.ErrorDataReceived += (_, line) => TextWriter.Synchronized(log).WriteLine(line.Data);
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    /// <summary>Names of the alerts that fire now; none while Prometheus does not answer.</summary>
    public async Task<IReadOnlySet<string>> FiringAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var answer = JsonDocument.Parse(await Http.GetStringAsync(
                new Uri($"http://127.0.0.1:{_port}/api/v1/alerts"), cancellationToken));
            return answer.RootElement.GetProperty("data").GetProperty("alerts").EnumerateArray()
                .Where(alert => alert.GetProperty("state").GetString() == "firing")
                .Select(alert => alert.GetProperty("labels").GetProperty("alertname").GetString()!).ToHashSet();
        }
        catch (HttpRequestException) when (!_process.HasExited)
        {
            return new HashSet<string>();
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }
        _process.Dispose();
    }

    [GeneratedRegex(@"targets: \[[^\]]*\]")]
    private static partial Regex Targets();

    // A collector is not part of the drill, and would be missing.
    [GeneratedRegex(@"^  - job_name: otel-collector[\s\S]*", RegexOptions.Multiline)]
    private static partial Regex Collector();
}
