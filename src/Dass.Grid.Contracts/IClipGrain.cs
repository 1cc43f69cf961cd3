namespace Dass.Grid.Contracts;

/// <summary>Tags short recordings whole; keeps nothing. Key: any.</summary>
[Alias("dass.IClipGrain")]
public interface IClipGrain : IGrainWithIntegerKey
{
    [Alias("Tag"), ResponseTimeout("00:01:00")]
    Task<Outcome<ClipTags>> Tag(string tenant, StreamSpec spec, AudioBlock audio, CancellationToken cancellationToken = default);
}

[GenerateSerializer, Immutable, Alias("dass.ClipTags")]
public sealed record ClipTags(
    [property: Id(0)] ModelSummary Model,
    [property: Id(1)] ChunkTags[] Tags,
    [property: Id(2)] HeardSummary Summary,
    [property: Id(3)] SoundEvent[] Events);
