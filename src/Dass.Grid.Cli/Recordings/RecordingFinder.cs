using System.IO.Enumeration;
using Dass.Grid.Cli.Sources;

namespace Dass.Grid.Cli.Recordings;

/// <summary>A recording that was asked for.</summary>
/// <param name="Path">Its file, or <see cref="RecordingFinder.StandardInput"/>.</param>
/// <param name="Name">Of what is written about it, under a folder: its path in the folder that was named, else its file's name.</param>
internal readonly record struct FoundRecording(string Path, string Name);

/// <summary>The recordings that arguments name: files, folders with all that is in them, <c>-</c>.</summary>
internal static class RecordingFinder
{
    /// <summary>The argument that means standard input.</summary>
    public const string StandardInput = PipeStream.StandardInput;

    /// <summary>What is tagged of a folder. A file that is named is tagged under any name.</summary>
    private static readonly HashSet<string> Endings = new(StringComparer.OrdinalIgnoreCase)
    {
        ".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".mp4", ".aif", ".aiff", ".caf",
        ".au", ".snd", ".wma", ".wv", ".amr", ".3gp", ".webm", ".mka", ".mkv", ".mov", ".avi",
    };

    private static readonly EnumerationOptions Visible = new()
    {
        IgnoreInaccessible = false, AttributesToSkip = FileAttributes.Hidden | FileAttributes.System,
    };

    /// <param name="arguments">Files, folders and <see cref="StandardInput"/>.</param>
    /// <param name="problems">Receives what is wrong with folders: those without a recording, those that cannot be read.</param>
    /// <returns>In the order of the arguments, those of a folder by their paths. A file that is not there is among them.</returns>
    public static IReadOnlyList<FoundRecording> Find(IEnumerable<string> arguments, List<string> problems)
    {
        var found = new List<FoundRecording>();
        foreach (var argument in arguments)
        {
            if (!Directory.Exists(argument))
            {
                found.Add(new FoundRecording(argument, argument == StandardInput ? "stdin" : Path.GetFileName(argument)));
                continue;
            }
            var (files, known) = (new List<string>(), problems.Count);
            AddFrom(argument, files, problems);
            if (files.Count == 0 && problems.Count == known)
            {
                problems.Add($"{argument}: there is no recording in this folder.");
            }
            found.AddRange(files.Order(StringComparer.Ordinal).Select(
                file => new FoundRecording(file, Path.GetRelativePath(argument, file))));
        }
        return found;
    }

    /// <summary>All of a folder and the folders in it.</summary>
    /// <remarks>Hidden files and folders are left out, and links to folders, which may lead in a circle.</remarks>
    private static void AddFrom(string folder, List<string> files, List<string> problems)
    {
        var folders = new List<string>();
        try
        {
            var entries = new FileSystemEnumerable<(string Path, bool IsFolder)>(
                folder, (ref FileSystemEntry entry) => (entry.ToSpecifiedFullPath(), entry.IsDirectory), Visible)
            {
                ShouldIncludePredicate = (ref FileSystemEntry entry) => entry.IsDirectory
                    ? (entry.Attributes & FileAttributes.ReparsePoint) == 0
                    : Endings.Contains(Path.GetExtension(entry.FileName.ToString())),
            };
            foreach (var (path, isFolder) in entries)
            {
                (isFolder ? folders : files).Add(path);
            }
        }
        catch (Exception unread) when (unread is IOException or UnauthorizedAccessException)
        {
            problems.Add($"{folder}: this folder cannot be read, and its recordings are left out. {unread.Message}");
        }
        folders.ForEach(each => AddFrom(each, files, problems));
    }
}
