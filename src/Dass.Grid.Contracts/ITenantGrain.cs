namespace Dass.Grid.Contracts;

/// <summary>The streams of one tenant. Key: the tenant's name. In memory: streams report again and again, so a lost registry fills itself.</summary>
[Alias("dass.ITenantGrain")]
public interface ITenantGrain : IGrainWithStringKey
{
    /// <summary>Adds or renews an entry; one that is not renewed is forgotten.</summary>
    [Alias("Report")]
    Task Report(StreamListing listing);

    [Alias("Forget")]
    Task Forget(string stream);

    /// <summary>Up to <paramref name="count"/> entries after <paramref name="after"/> (empty: from the first), in ordinal order of their names.</summary>
    [Alias("List")]
    Task<StreamListing[]> List(string after, int count);
}

[GenerateSerializer, Immutable, Alias("dass.StreamListing")]
public sealed record StreamListing(
    [property: Id(0)] string Name,
    [property: Id(1)] string Model,
    [property: Id(2)] DateTimeOffset Begun,
    [property: Id(3)] bool Ended);
