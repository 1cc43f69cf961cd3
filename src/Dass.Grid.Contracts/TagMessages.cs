namespace Dass.Grid.Contracts;

/// <summary>Scores of one chunk and of the trailing window that ends with it, 0 to 1, in label order.</summary>
[GenerateSerializer, Immutable, Alias("dass.ChunkTags")]
public sealed record ChunkTags(
    [property: Id(0)] long Index,
    [property: Id(1)] double StartSeconds,
    [property: Id(2)] double EndSeconds,
    [property: Id(3)] float[] Scores,
    [property: Id(4)] float[] WindowScores);

/// <summary>What a stream has heard so far; score lists are empty before the first chunk.</summary>
[GenerateSerializer, Immutable, Alias("dass.HeardSummary")]
public sealed record HeardSummary(
    [property: Id(0)] double DurationSeconds,
    [property: Id(1)] long Chunks,
    [property: Id(2)] float[] Mean,
    [property: Id(3)] float[] Max);

public enum StreamEndReason
{
    /// <summary>The client that fed it said so.</summary>
    Finished = 1,

    /// <summary>Somebody closed it.</summary>
    Closed = 2,

    /// <summary>No audio for the idle timeout.</summary>
    Idle = 3,

    /// <summary>Nobody knows it any more: its silo failed before the first checkpoint, and no feeder has taken it up again.</summary>
    Lost = 4,
}

[GenerateSerializer, Immutable, Alias("dass.StreamEnd")]
public sealed record StreamEnd([property: Id(0)] StreamEndReason Reason, [property: Id(1)] HeardSummary Summary);
