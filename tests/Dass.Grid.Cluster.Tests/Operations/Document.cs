using System.Text.RegularExpressions;
using Dass.Grid.Cluster.Tests.Support;

namespace Dass.Grid.Cluster.Tests.Operations;

/// <summary>A Markdown file as prose and code, each piece with the place where it begins.</summary>
internal sealed partial class Document
{
    private readonly string _path;
    private readonly string _text;

    /// <param name="path">Where the file is: links are relative to it.</param>
    /// <param name="text">What it holds.</param>
    public Document(string path, string text)
    {
        (_path, _text) = (path, text);
        var withoutBlocks = Blocks().Replace(text, Blank);
        Prose = Spans().Replace(withoutBlocks, Blank);
        Code =
        [
            .. Blocks().Matches(text).SelectMany(block => Commands(block.Groups["code"])),
            .. Spans().Matches(withoutBlocks).Select(span => new Piece(span.Index, Span(span.Value))),
        ];
    }

    /// <param name="Offset">Index of its first character in the file.</param>
    /// <param name="Text">Without marks, on one line.</param>
    public readonly record struct Piece(int Offset, string Text);

    public string Folder => Path.GetDirectoryName(_path)!;

    public int Lines => _text.Split('\n').Length - (_text.EndsWith('\n') ? 1 : 0);

    /// <summary>The text with blanks in place of code, so that offsets stay.</summary>
    public string Prose { get; }

    /// <summary>Code spans, and the lines of code blocks; a line that ends with a backslash goes on with the next.</summary>
    public IReadOnlyList<Piece> Code { get; }

    /// <summary>What a link to each heading must say after the #.</summary>
    public IEnumerable<string> Anchors =>
        Headings().Matches(_text).Select(heading => heading.Groups["title"].Value.ToLowerInvariant())
            .Select(title => string.Concat(title.Where(letter => char.IsLetterOrDigit(letter) || letter is ' ' or '-')).Replace(' ', '-'));

    public static IEnumerable<Document> All => RepositoryFiles("*.md").Select(Read);

    /// <summary>Files of the repository's root and of its folders, without those that git and runs of a cluster keep there.</summary>
    public static IEnumerable<string> RepositoryFiles(string pattern) =>
        Directory.GetDirectories(Sources.Repository).Where(folder => Path.GetFileName(folder) is not (".git" or ".cluster"))
            .SelectMany(folder => Sources.Files(folder, pattern)).Concat(Directory.EnumerateFiles(Sources.Repository, pattern));

    public static Document Read(string path) => new(path, File.ReadAllText(path));

    public string Place(int offset) => Sources.Place(_path, _text.AsSpan(0, offset).Count('\n'));

    private static IEnumerable<Piece> Commands(Group block)
    {
        var offset = block.Index;
        foreach (var line in block.Value.Replace("\\\n", "  ", StringComparison.Ordinal).Split('\n'))
        {
            yield return new Piece(offset, line.Trim());
            offset += line.Length + 1;
        }
    }

    /// <summary>In a table the bar of a command is escaped.</summary>
    private static string Span(string marked) => marked.Trim('`').Replace('\n', ' ').Replace("\\|", "|", StringComparison.Ordinal);

    private static string Blank(Match code) => string.Concat(code.Value.Select(letter => letter == '\n' ? '\n' : ' '));

    [GeneratedRegex(@"^```[^\n]*\n(?<code>.*?)^```[ ]*$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Blocks();

    [GeneratedRegex(@"`(?:[^`\n]|\n(?!\n))+`")]
    private static partial Regex Spans();

    [GeneratedRegex(@"^#+ (?<title>.+)$", RegexOptions.Multiline)]
    private static partial Regex Headings();
}
