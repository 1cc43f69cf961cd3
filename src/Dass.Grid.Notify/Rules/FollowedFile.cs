namespace Dass.Grid.Notify.Rules;

/// <summary>A file that is read again when it changes: rules, sources, certificates.</summary>
public static class FollowedFile
{
    /// <summary>
    /// When it was written. A volume of Kubernetes holds links, which stay as they are when what they lead to is
    /// another: the time is that of the file itself. A file that is not there,
    /// or in a directory that may not be searched: centuries ago.
    /// </summary>
    public static DateTime WrittenUtc(string path)
    {
        try
        {
            return File.GetLastWriteTimeUtc(File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path);
        }
        catch (Exception away) when (away is IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }

    /// <param name="files">Paths, each with when it was written as of before it was read.</param>
    internal static bool HaveChanged(IReadOnlyDictionary<string, DateTime> files) => files.Any(file => WrittenUtc(file.Key) != file.Value);
}
