using System.Diagnostics;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>Programs that end with the test that started them, and with them the programs that they started.</summary>
internal sealed class ChildProcesses : IDisposable
{
    private readonly List<Process> _all = [];

    public Process Start(string program, params string[] arguments)
    {
        var process = Process.Start(program, arguments);
        _all.Add(process);
        return process;
    }

    public void Dispose()
    {
        foreach (var process in _all)
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
            process.Dispose();
        }
    }
}
