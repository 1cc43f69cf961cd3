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
public sealed record ModelCard([property: Id(0)] ModelSummary Summary, [property: Id(1)] LabelName[] Labels)
{
    /// <summary>Whether the scores of both mean the same sounds; what is offered may differ.</summary>
    public bool HasSoundsOf(ModelCard other) =>
        Labels.Select(label => (label.Id, label.Name)).SequenceEqual(other.Labels.Select(label => (label.Id, label.Name)));

    /// <summary>The offered labels of the highest scores, descending, and theirs.</summary>
    /// <param name="scores">By label.</param>
    /// <param name="count">Labels at most.</param>
    public (int[] Labels, float[] Scores) Highest(float[] scores, int count)
    {
        var highest = new PriorityQueue<int, float>(count + 1); // the lowest of them first
        for (var label = 0; label < scores.Length; label++)
        {
            if (!Labels[label].Hidden)
            {
                highest.Enqueue(label, scores[label]);
                if (highest.Count > count)
                {
                    highest.Dequeue();
                }
            }
        }
        var labels = new int[highest.Count];
        for (var place = labels.Length - 1; place >= 0; place--)
        {
            labels[place] = highest.Dequeue();
        }
        return (labels, Array.ConvertAll(labels, label => scores[label]));
    }
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
