using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Dass.Grid.Engine.Model;

/// <summary>One sound among those of a model.</summary>
/// <param name="Index">Place in the model's output.</param>
/// <param name="Id">Machine id, e.g. <c>/m/0bt9lr</c>.</param>
/// <param name="Name">Display name, e.g. <c>Dog</c>.</param>
public sealed record Label(int Index, string Id, string Name)
{
    /// <summary>
    /// People see it without asking for it: the model offers it. Default: true, as for all labels of a model that says nothing.
    /// </summary>
    public bool IsOffered { get; init; } = true;

    /// <summary>A bed such as silence, hum or noise: scored, but no event unless a client asks. Default: false.</summary>
    public bool IsBackground { get; init; }

    /// <summary>Why it is offered; null: the model does not say.</summary>
    public LabelEvidence? Evidence { get; init; }

    /// <summary>Its sounds become events without being asked for.</summary>
    public bool OpensEvents => IsOffered && !IsBackground;
}

/// <summary>Where a label's evidence comes from.</summary>
public enum EvidenceKind
{
    /// <summary>Recordings that were not learnt, whose name or data set has the label.</summary>
    Clips,

    /// <summary>The teacher's scores on recordings of sources that were not learnt.</summary>
    Agreement,
}

/// <summary>How well a model hears a label, as its makers measured it.</summary>
/// <param name="Kind">On what.</param>
/// <param name="Auc">Area under the ROC curve, 0 to 1.</param>
/// <param name="Clips">Recordings that have the label, 0 or more.</param>
public sealed record LabelEvidence(EvidenceKind Kind, double Auc, int Clips);

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

    /// <summary>What people see without asking for more.</summary>
    public IEnumerable<Label> Offered => labels.Where(label => label.IsOffered);

    /// <summary>Indices of the labels whose sounds are no events without being asked for.</summary>
    public int[] Muted => [.. labels.Where(label => !label.OpensEvents).Select(label => label.Index)];

    /// <summary>A label by display name or id, letter case ignored; of equal names the first. Null: there is none.</summary>
    public Label? Find(string nameOrId) => _byName.GetValueOrDefault(nameOrId);

    /// <summary>Whether the scores of both mean the same sounds; what is offered may differ.</summary>
    public bool SameSounds(LabelSet other) =>
        labels.Select(label => (label.Id, label.Name)).SequenceEqual(other.All.Select(label => (label.Id, label.Name)));

    /// <summary>Indices of the labels above a label in AudioSet's tree, as far as the model has them; the nearest first.</summary>
    public int[] Ancestors(int index) =>
        [.. AudioSetTree.Shipped.Ancestors(labels[index].Id).Select(Find).OfType<Label>().Select(label => label.Index)];
}
