using System.Diagnostics;
using System.Net;
using System.Text;
using Dass.Grid.Host;
using Dass.Grid.V1;
using Grpc.Net.Client;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>
/// The host as a program of its own, on free ports of loopback, with the tiny model and a store in memory, in surroundings that a test
/// makes.
/// </summary>
internal sealed class HostProgram : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _log = new();
    private readonly GrpcChannel _channel;
    private readonly HttpClient _operations;

    /// <param name="shell">Is run before it in the same shell: limits, mounts. Empty: nothing.</param>
    /// <param name="within">A program with arguments that runs the shell. Empty: none.</param>
    /// <param name="environment">Variables of the host alone.</param>
    /// <param name="settings">NAME=VALUE.</param>
    public HostProgram(
        string shell = "", string[]? within = null, (string Name, string Value)[]? environment = null, params string[] settings)
    {
        var (listen, operations) = (EmbeddedGrid.FreePort(), EmbeddedGrid.FreePort());
        _channel = GrpcChannel.ForAddress($"http://127.0.0.1:{listen}");
        _operations = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{operations}") };
        string[] host =
        [
            "dotnet", Path.Combine(AppContext.BaseDirectory, "Dass.Grid.Host.dll"), $"--Grid:Listen=http://127.0.0.1:{listen}",
            $"--Grid:OperationsListen=http://127.0.0.1:{operations}", "--Grid:HttpListen=", $"--Grid:SiloPort={EmbeddedGrid.FreePort()}",
            "--Grid:Store=memory",
            "--Grid:Models:tiny:ModelDirectory=" + TestGrid.TinyModel, "--Grid:Models:tiny:Threads=1",
            .. settings.Select(setting => $"--{setting}"),
        ];
        var variables = (environment ?? []).Select(variable => $"{variable.Name}={variable.Value}");
        string[] command = [.. within ?? [], "bash", "-c", $"{shell}\nexec env \"$@\"", "host", .. variables, .. host];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_gcServer"] = "0";
        start.Environment["DOTNET_TC_QuickJitForLoops"] = "1"; // as Cli/Dass.cs
        _process = Process.Start(start)!;
        _process.OutputDataReceived += Write;
        _process.ErrorDataReceived += Write;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public Tagging.TaggingClient Client => new(_channel);

    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    /// <summary>What its readiness says: 200 and 503, and why.</summary>
    public async Task<(HttpStatusCode Status, string Text)?> ReadinessAsync()
    {
        try
        {
            using var answer = await _operations.GetAsync("/healthz/ready");
            return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
        }
        catch (HttpRequestException)
        {
            return null; // it does not listen
        }
    }

    public async Task ReadyAsync()
    {
        await TestGrid.UntilAsync(
            async () => _process.HasExited || (await ReadinessAsync())?.Status == HttpStatusCode.OK, () => Task.Delay(100));
        Assert.False(_process.HasExited, Log);
    }

    /// <returns>Its exit code.</returns>
    public async Task<int> ExitAsync()
    {
        using var patience = new CancellationTokenSource(TestGrid.Patience);
        await _process.WaitForExitAsync(patience.Token); // and all that it has written
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }
        _process.Dispose();
        _channel.Dispose();
        _operations.Dispose();
    }

    private void Write(object sender, DataReceivedEventArgs line)
    {
        lock (_log)
        {
            _log.AppendLine(line.Data);
        }
    }
}
