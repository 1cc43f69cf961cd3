namespace Dass.Grid.Contracts;

/// <summary>What the silos can run. Key: any.</summary>
[Alias("dass.IModelCatalogGrain")]
public interface IModelCatalogGrain : IGrainWithIntegerKey
{
    /// <summary>All models, the default one first.</summary>
    [Alias("List")]
    Task<ModelSummary[]> List();

    /// <param name="name">Null: the default model.</param>
    [Alias("Get")]
    Task<Outcome<ModelCard>> Get(string? name);
}

/// <summary>One model, briefly.</summary>
/// <param name="Name">What requests call it.</param>
/// <param name="Hash">SHA-256 over configuration and weights, hexadecimal.</param>
/// <param name="LabelCount">Scores of each answer.</param>
/// <param name="Note">What a user must know of it; empty: nothing.</param>
/// <param name="IsDefault">Taken when a request names no model.</param>
/// <param name="OfferedLabelCount">Labels that it offers, where models are listed; else, and from a silo of an earlier version, 0.</param>
[GenerateSerializer, Immutable, Alias("dass.ModelSummary")]
public sealed record ModelSummary(
    [property: Id(0)] string Name,
    [property: Id(1)] string Hash,
    [property: Id(2)] int LabelCount,
    [property: Id(3)] string Note,
    [property: Id(4)] bool IsDefault,
    [property: Id(5)] int OfferedLabelCount = 0);

/// <summary>One model with its labels, which are in the order of the scores.</summary>
[GenerateSerializer, Immutable, Alias("dass.ModelCard")]
public sealed record ModelCard([property: Id(0)] ModelSummary Summary, [property: Id(1)] LabelName[] Labels)
{
    /// <summary>Whether the scores of both mean the same sounds; what is offered may differ.</summary>
    public bool HasSoundsOf(ModelCard other) =>
        Labels.Select(label => (label.Id, label.Name)).SequenceEqual(other.Labels.Select(label => (label.Id, label.Name)));

    /// <summary>Indices of the labels that the model offers, ascending.</summary>
    public int[] Offered() => [.. Enumerable.Range(0, Labels.Length).Where(index => !Labels[index].Hidden)];

    /// <summary>The summary as lists of models have it.</summary>
    public ModelSummary ListedSummary() => Summary with { OfferedLabelCount = Offered().Length };

    /// <summary>Indices of all labels that a label is a kind of; none if that is not known.</summary>
    public int[] AncestorsOf(int label) => Labels[label].Ancestors ?? [];
}

/// <summary>A label of a model. One from a silo of an earlier version is offered, and its model says nothing more of it.</summary>
[GenerateSerializer, Immutable, Alias("dass.LabelName")]
public sealed record LabelName([property: Id(0)] string Id, [property: Id(1)] string Name)
{
    /// <summary>The model does not offer it: shown, and an event, only where a client asks for it.</summary>
    [Id(2)] public bool Hidden { get; init; }

    /// <summary>Silence, hum, noise and the like: shown, but an event only where a client asks for it.</summary>
    [Id(3)] public bool Background { get; init; }

    /// <summary>Places of the labels above it in AudioSet's tree; null: unknown.</summary>
    [Id(4)] public int[]? Ancestors { get; init; }

    /// <summary><c>clips</c> or <c>agreement</c>; null: the model says nothing of it.</summary>
    [Id(5)] public string? Evidence { get; init; }

    /// <summary>Area under the ROC curve that the model's makers measured, 0 to 1, when there is evidence.</summary>
    [Id(6)] public double Auc { get; init; }

    /// <summary>Recordings that it was measured on, when there is evidence.</summary>
    [Id(7)] public int Clips { get; init; }

    /// <summary>Whether a client means this label: by its id or display name, letter case ignored.</summary>
    public bool IsCalled(string text) =>
        text.Equals(Id, StringComparison.OrdinalIgnoreCase) || text.Equals(Name, StringComparison.OrdinalIgnoreCase);
}
