using System.Diagnostics;

namespace Dass.Grid.Chaos;

/// <summary>A file system of its own below a directory, which can be filled to the last byte. Needs the right to mount.</summary>
internal sealed class SmallDisk : IDisposable
{
    private const string Size = "256m";

    private readonly string _directory;

    public SmallDisk(string directory)
    {
        _directory = Directory.CreateDirectory(directory).FullName;
        Do("mount", "-t", "tmpfs", "-o", $"size={Size}", "tmpfs", _directory);
    }

    private string Filler => Path.Combine(_directory, "filler");

    public void Fill()
    {
        var block = new byte[4096];
        using var file = new FileStream(Filler, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        try
        {
            while (true)
            {
                file.Write(block);
            }
        }
        catch (IOException)
        {
            // No space is left: that is what was wanted.
        }
    }

    public void Empty() => File.Delete(Filler);

    public void Dispose() => Do("umount", "-l", _directory);

    public static bool IsPossible => Environment.IsPrivilegedProcess;

    private static void Do(string command, params string[] arguments)
    {
        using var process = Process.Start(command, arguments);
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException(
                $"{command} {string.Join(' ', arguments)} failed: the fault full-disk needs the right to mount.");
        }
    }
}
