using System.Runtime.CompilerServices;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>The repository's own text, as it stood when the tests were built.</summary>
internal static class Sources
{
    public static readonly string Repository = Root();

    public static readonly string Src = Path.Combine(Repository, "src");

    public static readonly string Tests = Path.Combine(Repository, "tests");

    private static readonly string[] Built = ["obj", "bin", "TestResults"];

    /// <summary>Files of a folder and the folders below it, without what builds and runs leave there.</summary>
    public static IEnumerable<string> Files(string folder, string pattern = "*.cs") =>
        Directory.EnumerateFiles(folder, pattern, SearchOption.AllDirectories)
            .Where(file => !Path.GetRelativePath(folder, file).Split(Path.DirectorySeparatorChar).Intersect(Built).Any())
            .Order(StringComparer.Ordinal);

    /// <param name="file">Path of the file.</param>
    /// <param name="line">Index of the line, from 0.</param>
    public static string Place(string file, int line) => $"{Path.GetRelativePath(Repository, file)}:{line + 1}";

    /// <summary>Fails with all that break a rule, one a line.</summary>
    public static void AssertNone(IEnumerable<string> broken)
    {
        var list = broken.ToArray();
        Assert.True(list.Length == 0, $"{list.Length}:\n{string.Join('\n', list)}");
    }

    private static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(here, "../../../.."));
}
