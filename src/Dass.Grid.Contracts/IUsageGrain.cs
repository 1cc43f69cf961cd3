namespace Dass.Grid.Contracts;

/// <summary>What one tenant has used since its first stream, in the store of streams. Key: the tenant's name.</summary>
[Alias("dass.IUsageGrain")]
public interface IUsageGrain : IGrainWithStringKey
{
    /// <summary>
    /// Answers when the use is in the store. Totals of a span replace its earlier ones, so a repeated report counts once.
    /// </summary>
    [Alias("Report")]
    Task Report(UsageSpan span);

    [Alias("Get")]
    Task<ModelUsage[]> Get();
}

/// <summary>One stream's use of one model without a break, so far; or that of recordings that one silo tags.</summary>
/// <param name="Stream">The stream's id; of recordings, a name that no stream can have.</param>
/// <param name="Begun">When the stream began: ids of streams can be used again.</param>
/// <param name="FromChunk">
/// Where the span begins in the stream: from 0 it counts as a stream. <see cref="NoStream"/>: of recordings.
/// </param>
/// <param name="Model">The model.</param>
/// <param name="AudioSeconds">Audio that was heard.</param>
/// <param name="Events">Events that were closed.</param>
/// <param name="Final">Nothing is added any more.</param>
[GenerateSerializer, Immutable, Alias("dass.UsageSpan")]
public sealed record UsageSpan(
    [property: Id(0)] string Stream,
    [property: Id(1)] DateTimeOffset Begun,
    [property: Id(2)] long FromChunk,
    [property: Id(3)] string Model,
    [property: Id(4)] double AudioSeconds,
    [property: Id(5)] long Events,
    [property: Id(6)] bool Final)
{
    /// <summary>In place of the chunk, for audio that is of no stream.</summary>
    public const long NoStream = -1;
}

/// <summary>A tenant's use of one model.</summary>
[GenerateSerializer, Immutable, Alias("dass.ModelUsage")]
public sealed record ModelUsage(
    [property: Id(0)] string Model, [property: Id(1)] double AudioSeconds, [property: Id(2)] long Streams, [property: Id(3)] long Events);
