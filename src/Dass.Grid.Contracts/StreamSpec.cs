namespace Dass.Grid.Contracts;

/// <summary>What a client asks of a stream. Null: the default for a new stream, whatever it is for a stream that is there.</summary>
[GenerateSerializer, Immutable, Alias("dass.StreamSpec")]
public sealed record StreamSpec
{
    /// <summary>Required to begin a stream.</summary>
    [Id(0)] public AudioShape? Format { get; init; }

    [Id(1)] public string? Model { get; init; }

    /// <summary>Committed audio per chunk.</summary>
    [Id(2)] public TimeSpan? Chunk { get; init; }

    /// <summary>Audio after the chunk that is heard as context.</summary>
    [Id(3)] public TimeSpan? LookAhead { get; init; }
}

/// <summary>What a live stream is, with every default filled in.</summary>
[GenerateSerializer, Immutable, Alias("dass.StreamShape")]
public sealed record StreamShape(
    [property: Id(0)] AudioShape Format,
    [property: Id(1)] int BytesPerFrame,
    [property: Id(2)] ModelSummary Model,
    [property: Id(3)] TimeSpan Chunk,
    [property: Id(4)] TimeSpan LookAhead);
