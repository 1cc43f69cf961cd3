using System.Diagnostics;

namespace Dass.Grid.Cluster.Tests.Cli;

/// <summary>The real command line as a child process with pipes, as a script runs it.</summary>
internal sealed class Dass : IDisposable
{
    public static readonly string Babble = Path.Combine(AppContext.BaseDirectory, "fixtures", "babble.wav");

    private readonly Process _process;
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromMinutes(2));
    private readonly Task<string> _errors;

    private Dass(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync(_deadline.Token);
    }

    public sealed record Result(int ExitCode, string Output, string Errors)
    {
        public string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    public static Task<Result> RunAsync(params string[] arguments) => RunAsync([], arguments);

    public static async Task<Result> RunAsync(byte[] input, params string[] arguments)
    {
        using var dass = Start([], arguments);
        await dass.InputAsync(input);
        return await dass.ResultAsync();
    }

    public static Dass Start((string Name, string Value)[] environment, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in (string[])[Path.Combine(AppContext.BaseDirectory, "dass.dll"), .. arguments])
        {
            start.ArgumentList.Add(argument);
        }
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }
        return new Dass(Process.Start(start)!);
    }

    /// <summary>All of the standard input.</summary>
    public async Task InputAsync(byte[] input)
    {
        try
        {
            await _process.StandardInput.BaseStream.WriteAsync(input, _deadline.Token);
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The program ended without reading all of its input.
        }
    }

    public async Task<string?> LineAsync() => await _process.StandardOutput.ReadLineAsync(_deadline.Token);

    /// <summary>As a supervisor or Ctrl-C would.</summary>
    public void Terminate()
    {
        using var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
        kill.WaitForExit();
    }

    public async Task<Result> ResultAsync()
    {
        var output = await _process.StandardOutput.ReadToEndAsync(_deadline.Token);
        await _process.WaitForExitAsync(_deadline.Token);
        return new Result(_process.ExitCode, output, await _errors);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }
        _process.Dispose();
        _deadline.Dispose();
    }
}
