using System.Diagnostics;
using System.Text;

namespace Dass.Grid.Cluster.Tests.Cli;

/// <summary>The real command line as a child process with pipes, as a script runs it.</summary>
internal sealed class Dass : IDisposable
{
    public static readonly string Babble = Path.Combine(AppContext.BaseDirectory, "fixtures", "babble.wav");

    private readonly Process _process;
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromMinutes(2));
    private readonly StringBuilder _errors = new(); // what has been read of them

    private Dass(Process process) => _process = process;

    public sealed record Result(int ExitCode, string Output, string Errors)
    {
        public string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    public static Task<Result> RunAsync(params string[] arguments) => RunAsync([], arguments);

    public static async Task<Result> RunAsync(byte[] input, params string[] arguments)
    {
        using var dass = Start([], arguments);
        var result = dass.ResultAsync(); // read at once: a full pipe would stop the program before it has read its input
        await dass.InputAsync(input);
        return await result;
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
        start.Environment["DOTNET_TC_QuickJitForLoops"] = "1"; // a program of seconds: 1 of its 3.5 s of processor time
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }
        return new Dass(Process.Start(start)!);
    }

    /// <summary>A part of the standard input, which stays open.</summary>
    public async Task FeedAsync(byte[] input)
    {
        await _process.StandardInput.BaseStream.WriteAsync(input, _deadline.Token);
        await _process.StandardInput.BaseStream.FlushAsync(_deadline.Token);
    }

    /// <summary>All of the standard input, or the rest of it.</summary>
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

    /// <summary>As <c>head</c> does when it has enough lines.</summary>
    public void StopReading() => _process.StandardOutput.Close();

    /// <returns>The exit code of a program whose output is not read, and its errors.</returns>
    public async Task<(int ExitCode, string Errors)> ExitAsync()
    {
        var errors = await _process.StandardError.ReadToEndAsync(_deadline.Token);
        await _process.WaitForExitAsync(_deadline.Token);
        return (_process.ExitCode, _errors.Append(errors).ToString());
    }

    /// <summary>Waits for a line of the standard error with the fragment.</summary>
    public async Task ErrorAsync(string fragment)
    {
        string? line;
        do
        {
            line = await _process.StandardError.ReadLineAsync(_deadline.Token);
            _errors.AppendLine(line);
        }
        while (line?.Contains(fragment, StringComparison.Ordinal) == false);
        Assert.True(line is not null, $"'{fragment}' is not among the errors: {_errors}");
    }

    /// <summary>As a supervisor or Ctrl-C would.</summary>
    public void Terminate()
    {
        using var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>SIGKILL, of this process alone.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public async Task<Result> ResultAsync()
    {
        var errors = _process.StandardError.ReadToEndAsync(_deadline.Token);
        var output = await _process.StandardOutput.ReadToEndAsync(_deadline.Token);
        await _process.WaitForExitAsync(_deadline.Token);
        return new Result(_process.ExitCode, output, _errors.Append(await errors).ToString());
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
