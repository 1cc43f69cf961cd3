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
[GenerateSerializer, Immutable, Alias("dass.ModelSummary")]
public sealed record ModelSummary(
    [property: Id(0)] string Name,
    [property: Id(1)] string Hash,
    [property: Id(2)] int LabelCount,
    [property: Id(3)] string Note,
    [property: Id(4)] bool IsDefault);

/// <summary>One model with its labels, which are in the order of the scores.</summary>
[GenerateSerializer, Immutable, Alias("dass.ModelCard")]
public sealed record ModelCard([property: Id(0)] ModelSummary Summary, [property: Id(1)] LabelName[] Labels);

[GenerateSerializer, Immutable, Alias("dass.LabelName")]
public sealed record LabelName([property: Id(0)] string Id, [property: Id(1)] string Name)
{
    /// <summary>Whether a client means this label: by its id or display name, letter case ignored.</summary>
    public bool IsCalled(string text) =>
        text.Equals(Id, StringComparison.OrdinalIgnoreCase) || text.Equals(Name, StringComparison.OrdinalIgnoreCase);
}
