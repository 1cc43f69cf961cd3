using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Dass.Grid;

/// <summary>
/// The limit of open files, before it is met: each assembly takes two, and one that cannot be opened is "not found". Takes nothing that an
/// assembly beside the core library would have to be opened for.
/// </summary>
internal static class OpenFiles
{
    private const string Limits = "/proc/self/limits";
    private const string Line = "Max open files";

    /// <summary>Whether the process may open as many; else standard error says what to do.</summary>
    /// <param name="least">Files.</param>
    /// <param name="what">Begins the sentence on what needs them.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool Suffice(int least, string what)
    {
        if (!(Limit() < least))
        {
            return true;
        }
        using var handle = new SafeFileHandle(2, ownsHandle: false);
        using var error = new FileStream(handle, FileAccess.Write, bufferSize: 0);
        error.Write(Encoding.UTF8.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $"The limit of open files is {Limit()}. {what} needs {least}, and one more for each connection. "
            + $"Raise it: ulimit -n 4096, LimitNOFILE= of systemd, --ulimit nofile= of Docker.\n")));
        return false;
    }

    /// <summary>Null: none, or not known.</summary>
    private static long? Limit()
    {
        if (!File.Exists(Limits))
        {
            return null;
        }
        foreach (var line in File.ReadAllLines(Limits))
        {
            if (line.StartsWith(Line, StringComparison.Ordinal))
            {
                var words = line[Line.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
                return words.Length > 0 && long.TryParse(words[0], out var soft) ? soft : null;
            }
        }
        return null;
    }
}
