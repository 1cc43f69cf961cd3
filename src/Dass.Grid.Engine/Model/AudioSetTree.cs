using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Dass.Grid.Engine.Model;

/// <summary>Which of AudioSet's sounds are kinds of which others. A sound may be of several kinds.</summary>
public sealed class AudioSetTree
{
    private readonly FrozenDictionary<string, ImmutableArray<string>> _ancestors; // by id

    /// <param name="csv">Lines <c>label,parent</c> behind a header, one for each parent; display names, quoted where they have
    /// commas.</param>
    /// <param name="labels">Whose names they are. A label without a line is a root.</param>
    /// <exception cref="InvalidDataException">A line does not hold two of the names.</exception>
    internal AudioSetTree(TextReader csv, LabelSet labels)
    {
        var parents = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        csv.ReadLine();
        while (csv.ReadLine() is { Length: > 0 } line)
        {
            if (Fields(line) is not [var name, var above] || labels.Find(name) is not { } label || labels.Find(above) is not { } parent)
            {
                throw new InvalidDataException($"'{line}' must be a label and its parent.");
            }
            if (!parents.TryGetValue(label.Id, out var all))
            {
                parents[label.Id] = all = [];
            }
            all.Add(parent.Id);
        }
        _ancestors = parents.Keys.ToFrozenDictionary(id => id, id => Above(id, parents), StringComparer.Ordinal);
    }

    /// <summary>The tree among AudioSet's 527 labels.</summary>
    public static AudioSetTree Shipped { get; } = Read();

    /// <summary>Ids of all that a label is a kind of, the nearest first. Empty for a root and for an id that AudioSet does not
    /// have.</summary>
    public ImmutableArray<string> Ancestors(string id) => _ancestors.GetValueOrDefault(id, []);

    private static AudioSetTree Read()
    {
        using var reader = new StreamReader(typeof(AudioSetTree).Assembly.GetManifestResourceStream("audioset_tree.csv")!);
        return new AudioSetTree(reader, AudioSetLabels.All);
    }

    private static ImmutableArray<string> Above(string id, Dictionary<string, List<string>> parents)
    {
        var above = new List<string> { id };
        for (var i = 0; i < above.Count; i++)
        {
            above.AddRange(parents.GetValueOrDefault(above[i], []).Where(parent => !above.Contains(parent)).ToArray());
        }
        return [.. above.Skip(1)];
    }

    private static List<string> Fields(string line)
    {
        var (fields, at) = (new List<string>(), 0);
        while (at <= line.Length)
        {
            var quoted = at < line.Length && line[at] == '"';
            var end = line.IndexOf(quoted ? '"' : ',', quoted ? at + 1 : at) is >= 0 and var found ? found : line.Length;
            fields.Add(quoted ? line[(at + 1)..end] : line[at..end]);
            at = end + (quoted ? 2 : 1);
        }
        return fields;
    }
}
