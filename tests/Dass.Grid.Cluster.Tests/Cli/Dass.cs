using System.Diagnostics;

namespace Dass.Grid.Cluster.Tests.Cli;

/// <summary>The real command line as a child process with pipes, as a script runs it.</summary>
internal static class Dass
{
    public static readonly string Babble = Path.Combine(AppContext.BaseDirectory, "fixtures", "babble.wav");

    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    public sealed record Result(int ExitCode, string Output, string Errors)
    {
        public string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    public static Task<Result> RunAsync(params string[] arguments) => RunAsync([], arguments);

    public static async Task<Result> RunAsync(byte[] input, params string[] arguments)
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
        using var process = Process.Start(start)!;
        using var deadline = new CancellationTokenSource(Deadline);
        try
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(deadline.Token), process.StandardError.ReadToEndAsync(deadline.Token));
            try
            {
                await process.StandardInput.BaseStream.WriteAsync(input, deadline.Token);
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // The program ended without reading all of its input.
            }
            await process.WaitForExitAsync(deadline.Token);
            return new Result(process.ExitCode, await output, await errors);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }
}
