using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Tests;

namespace Dass.Grid.Cluster.Tests.Client;

/// <summary>The example of a client that is made from the protos alone.</summary>
public sealed class PythonClientTests : IDisposable
{
    private const int SomeAnswers = 2_500; // bytes: in the midst of the recording

    private readonly DirectoryInfo _modules = Directory.CreateTempSubdirectory("dass-python-");

    public void Dispose() => _modules.Delete(recursive: true);

    [PythonFact]
    public async Task Every_chunk_comes_once_over_a_connection_that_breaks()
    {
        var generated = await RunAsync("bash", [Path.Combine(Folder(), "generate"), _modules.FullName]);
        Assert.True(generated.ExitCode == 0, generated.Errors);
        await using var grid = await TestGrid.StartAsync();
        await using var relay = new BreakingRelay(new Route(grid.Host.Address, SomeAnswers), new Route(grid.Host.Address));

        var (output, errors, code) = await RunAsync(
            PythonFactAttribute.Python,
            [Path.Combine(Folder(), "stream_wav.py"), new Uri(relay.Address).Authority, Cli.Dass.Babble, "yard"]);

        Assert.True(code == 0, errors);
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Count(line => line.StartsWith("stream yard, model tiny", StringComparison.Ordinal)));
        var begins = lines.Select(
            line => Regex.Match(line, @"^ *(\d+\.\d\d) - ")).Where(match => match.Success).Select(match => match.Groups[1].Value);
        Assert.Equal(Enumerable.Range(0, 16).Select(chunk => FormattableString.Invariant($"{chunk * 0.96:0.00}")), begins);
        Assert.Equal("heard 15.06 s in 16 chunks", lines[^1]);
    }

    private async Task<(string Output, string Errors, int ExitCode)> RunAsync(string program, string[] arguments)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["PYTHONPATH"] = _modules.FullName },
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(deadline.Token);
        var output = await process.StandardOutput.ReadToEndAsync(deadline.Token);
        await process.WaitForExitAsync(deadline.Token);
        return (output, await errors, process.ExitCode);
    }

    private static string Folder([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(here, "../../../clients/python"));
}

/// <summary>Needs Python with gRPC, and protoc.</summary>
public sealed class PythonFactAttribute() : NeedsFactAttribute(
    "/usr/bin/grpc_python_plugin", "python3-grpcio, protobuf-compiler and protobuf-compiler-grpc")
{
    public const string Python = "/usr/bin/python3";
}
