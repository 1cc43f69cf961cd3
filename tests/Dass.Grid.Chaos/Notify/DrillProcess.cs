using System.Diagnostics;
using System.Globalization;

namespace Dass.Grid.Chaos.Notify;

/// <summary>A process that is killed and started again. What it writes goes to a log file.</summary>
/// <param name="logFile">Is appended to.</param>
/// <param name="command">A program and its arguments.</param>
/// <param name="key">Of the tenant; null: the program needs none.</param>
internal sealed class DrillProcess(string logFile, string[] command, string? key = null) : IDisposable
{
    private Process? _process;
    private volatile string _said = "";

    /// <summary>This program.</summary>
    public static string[] Self => Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
        ? [Environment.ProcessPath!, typeof(DrillProcess).Assembly.Location]
        : [Environment.ProcessPath!];

    /// <summary>The command line of Dass.Grid, beside this program.</summary>
    public static string[] Dass => ["dotnet", Path.Combine(AppContext.BaseDirectory, "dass.dll")];

    public int Port => int.Parse(command.Last(word => word.All(char.IsAsciiDigit)), CultureInfo.InvariantCulture);

    public bool IsRunning => _process is { HasExited: false };

    public void Start()
    {
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (key is not null)
        {
            start.Environment["DASS_API_KEY"] = key;
        }
        _process?.Dispose();
        _process = Process.Start(start)!;
        var log = TextWriter.Synchronized(new StreamWriter(logFile, append: true) { AutoFlush = true });
        void Write(object sender, DataReceivedEventArgs line)
        {
            log.WriteLine(line.Data);
            _said = line.Data ?? _said;
        }
        _process.OutputDataReceived += Write;
        _process.ErrorDataReceived += Write;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public async Task SaidAsync(string fragment, CancellationToken cancellationToken)
    {
        while (!_said.Contains(fragment, StringComparison.Ordinal))
        {
            await Task.Delay(50, cancellationToken);
        }
    }

    public async Task KillAsync()
    {
        _process!.Kill(); // SIGKILL
        await _process.WaitForExitAsync();
    }

    public void Dispose()
    {
        if (IsRunning)
        {
            _process!.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }
        _process?.Dispose();
    }
}
