namespace Dass.Grid.Contracts;

/// <summary>Labels of events that are not of the model but of the audio's source. Their indices lie behind those of any model.</summary>
public static class SourceLabels
{
    /// <summary>Index of the first: a source that is silent for too long. The second is one that is clipped.</summary>
    public const int First = 1_000_000;

    /// <summary>A stream that gets no audio for too long.</summary>
    public const int Lost = First + 2;

    public static readonly LabelName[] All =
        [new("source.silent", "source.silent"), new("source.clipped", "source.clipped"), new("source.lost", "source.lost")];

    /// <summary>Whether an index is none of a model's.</summary>
    public static bool Has(int index) => index >= First;

    /// <summary>The label of an index of this list.</summary>
    public static LabelName At(int index) => All[index - First];

    /// <summary>The index of a label that is so called; null: none is.</summary>
    public static int? Find(string name) =>
        Array.FindIndex(All, label => label.IsCalled(name)) is >= 0 and var place ? First + place : null;
}

/// <summary>When a stream's source counts as broken. Null: it does not.</summary>
/// <param name="SilentAfter">Of audio below <paramref name="SilentBelowDbfs"/>, 1 s to 10 min.</param>
/// <param name="SilentBelowDbfs">Root mean square of a chunk, dB of full scale.</param>
/// <param name="ClippedAfter">Of audio with at least <paramref name="ClippedShare"/> of its samples at full scale, 1 s to 10 min.</param>
/// <param name="ClippedShare">Above 0, to 1.</param>
[GenerateSerializer, Immutable, Alias("dass.SourceRule")]
public sealed record SourceRule(
    [property: Id(0)] TimeSpan? SilentAfter,
    [property: Id(1)] float SilentBelowDbfs,
    [property: Id(2)] TimeSpan? ClippedAfter,
    [property: Id(3)] float ClippedShare)
{
    public const float DefaultSilentBelowDbfs = -70;
    public const float DefaultClippedShare = 0.01f;

    /// <summary>Without audio, by the silo's clock, 1 s to 10 min. Null: also from a gateway of an earlier version.</summary>
    [Id(4)] public TimeSpan? LostAfter { get; init; }
}
