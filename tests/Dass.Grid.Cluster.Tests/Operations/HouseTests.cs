using System.Text.RegularExpressions;
using Dass.Grid.Cluster.Tests.Support;

namespace Dass.Grid.Cluster.Tests.Operations;

/// <summary>Habits of the house that no compiler checks.</summary>
public sealed class HouseTests
{
    private const int MaxColumns = 140;
    private const int MaxLines = 400;

    /// <summary>
    /// Subjects that do not exist in the system; a client, silo, store or tenant does. Split, since this file is read, too.
    /// </summary>
    private static readonly Regex Strangers = new("who" + "ever|what" + "ever|(some|no|any|every)" + "body", RegexOptions.IgnoreCase);

    private static IEnumerable<string> Code => Sources.Files(Sources.Src).Concat(Sources.Files(Sources.Tests));

    [Fact]
    public void Lines_end_within_140_columns() => Sources.AssertNone(
        from file in Code
        from line in File.ReadLines(file).Index()
        where line.Item.Length > MaxColumns
        select $"{Sources.Place(file, line.Index)}: {line.Item.Length} columns");

    [Fact]
    public void Sentences_have_a_subject_that_exists() => Sources.AssertNone(
        from file in Code.Concat(Sources.Files(Path.Combine(Sources.Repository, "protos"), "*.proto"))
        from line in File.ReadLines(file).Index()
        where Strangers.IsMatch(line.Item)
        select $"{Sources.Place(file, line.Index)}: {line.Item.Trim()}");

    [Fact]
    public void Files_end_within_400_lines() => Sources.AssertNone(
        from file in Code
        let lines = File.ReadLines(file).Count()
        where lines > MaxLines
        select $"{Sources.Place(file, MaxLines)}: {lines} lines");
}
