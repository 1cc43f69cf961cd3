using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Dass.Grid.Engine.Model;

/// <summary>One sound among those of a model.</summary>
/// <param name="Index">Place in the model's output.</param>
/// <param name="Id">Machine id, e.g. <c>/m/0bt9lr</c>.</param>
/// <param name="Name">Display name, e.g. <c>Dog</c>.</param>
public sealed record Label(int Index, string Id, string Name);

/// <summary>The labels of a model, in the order of its outputs.</summary>
public sealed class LabelSet(ImmutableArray<Label> labels)
{
    private readonly FrozenDictionary<string, Label> _byName = labels.Reverse()
        .SelectMany(label => (KeyValuePair<string, Label>[])[new(label.Name, label), new(label.Id, label)])
        .GroupBy(pair => pair.Key, StringComparer.OrdinalIgnoreCase)
        .ToFrozenDictionary(group => group.Key, group => group.Last().Value, StringComparer.OrdinalIgnoreCase);

    public int Count => labels.Length;

    public Label this[int index] => labels[index];

    public ImmutableArray<Label> All => labels;

    /// <summary>A label by display name or id, letter case ignored; of equal names the first. Null: there is none.</summary>
    public Label? Find(string nameOrId) => _byName.GetValueOrDefault(nameOrId);
}
