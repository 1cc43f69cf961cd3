using System.IO.Enumeration;

namespace Dass.Grid.Cli.Recordings;

/// <summary>A recording that was asked for.</summary>
/// <param name="Path">Its file, or <see cref="RecordingFinder.StandardInput"/>.</param>
/// <param name="Name">Of what is written about it, under a folder: its path in the folder that was named, else its file's name.</param>
internal readonly record struct FoundRecording(string Path, string Name);

/// <summary>The recordings that arguments name: files, folders with all that is in them, <c>-</c>.</summary>
internal static class RecordingFinder
{
    /// <summary>The argument that means standard input.</summary>
    public const string StandardInput = "-";

    /// <summary>What is tagged of a folder. A file that is named is tagged under any name.</summary>
    private static readonly HashSet<string> Endings = new(StringComparer.OrdinalIgnoreCase)
    {
        ".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".mp4", ".aif", ".aiff", ".caf",
        ".au", ".snd", ".wma", ".wv", ".amr", ".3gp", ".webm", ".mka", ".mkv", ".mov", ".avi",
    };

    /// <param name="arguments">Files, folders and <see cref="StandardInput"/>.</param>
    /// <param name="empty">Receives the folders without a recording.</param>
    /// <returns>In the order of the arguments, those of a folder by their paths. A file that is not there is among them.</returns>
    public static IReadOnlyList<FoundRecording> Find(IEnumerable<string> arguments, List<string> empty)
    {
        var found = new List<FoundRecording>();
        foreach (var argument in arguments)
        {
            if (!Directory.Exists(argument))
            {
                found.Add(new FoundRecording(argument, argument == StandardInput ? "stdin" : Path.GetFileName(argument)));
                continue;
            }
            FoundRecording[] inside =
            [
                .. InFolder(argument).Order(StringComparer.Ordinal).Select(
                    file => new FoundRecording(file, Path.GetRelativePath(argument, file))),
            ];
            if (inside.Length == 0)
            {
                empty.Add(argument);
            }
            found.AddRange(inside);
        }
        return found;
    }

    /// <remarks>Hidden files and folders are left out, and links to folders, which may lead in a circle.</remarks>
    private static FileSystemEnumerable<string> InFolder(string folder) => new(
        folder, (ref FileSystemEntry entry) => entry.ToSpecifiedFullPath(),
        new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.Hidden | FileAttributes.System })
    {
        ShouldIncludePredicate = (ref FileSystemEntry entry) =>
            !entry.IsDirectory && Endings.Contains(Path.GetExtension(entry.FileName.ToString())),
        ShouldRecursePredicate = (ref FileSystemEntry entry) => (entry.Attributes & FileAttributes.ReparsePoint) == 0,
    };
}
