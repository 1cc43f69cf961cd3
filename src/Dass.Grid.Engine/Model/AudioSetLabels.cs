using System.Collections.Immutable;

namespace Dass.Grid.Engine.Model;

/// <summary>AudioSet's 527 labels in the order of the published models' outputs.</summary>
public static class AudioSetLabels
{
    /// <summary>All labels, indices 0 to 526.</summary>
    public static LabelSet All { get; } = new(Read());

    /// <summary>The labels of a model with <paramref name="count"/> outputs.</summary>
    /// <param name="count">Outputs of the model's head.</param>
    /// <param name="names">Display names by index, or null for AudioSet's own. A name that AudioSet knows gets its id, any other
    /// <c>label/&lt;index&gt;</c>.</param>
    /// <exception cref="ModelLoadException">No names are given and the count is not AudioSet's.</exception>
    internal static LabelSet For(int count, string[]? names)
    {
        if (names is not null)
        {
            return new LabelSet([.. names.Select((name, index) => new Label(index, All.Find(name)?.Id ?? $"label/{index}", name))]);
        }
        return count == All.Count
            ? All
            : throw new ModelLoadException(
                $"config.json: num_classes is {count} and there is no id2label; without names it must be AudioSet's {All.Count}.");
    }

    private static ImmutableArray<Label> Read()
    {
        using var reader = new StreamReader(typeof(AudioSetLabels).Assembly.GetManifestResourceStream("audioset_labels.csv")!);
        reader.ReadLine(); // header: index,mid,display_name
        var labels = ImmutableArray.CreateBuilder<Label>();
        while (reader.ReadLine() is { Length: > 0 } line)
        {
            var fields = line.Split(',', 3); // the name, quoted, is the only field with commas
            labels.Add(new Label(int.Parse(fields[0]), fields[1], fields[2].Trim('"').Replace("\"\"", "\"")));
        }
        return labels.ToImmutable();
    }
}
