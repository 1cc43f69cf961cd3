namespace Dass.Grid.Contracts;

/// <summary>What a client asks of a stream. Null: the default for a new stream, or as it is for a stream that is there.</summary>
[GenerateSerializer, Immutable, Alias("dass.StreamSpec")]
public sealed record StreamSpec
{
    /// <summary>Required to begin a stream.</summary>
    [Id(0)] public AudioShape? Format { get; init; }

    /// <summary>A model's own name.</summary>
    [Id(1)] public string? Model { get; init; }

    /// <summary>Committed audio per chunk.</summary>
    [Id(2)] public TimeSpan? Chunk { get; init; }

    /// <summary>Audio after the chunk that is heard as context.</summary>
    [Id(3)] public TimeSpan? LookAhead { get; init; }

    /// <summary>
    /// What the client calls <see cref="Model"/>, when that is not its own name. A client that comes back with it finds the stream, also
    /// when it stands for another model by then.
    /// </summary>
    [Id(4)] public string? Alias { get; init; }

    /// <summary>The model of a new stream when <see cref="Model"/> is null. Null: the silo's own default.</summary>
    [Id(5)] public string? DefaultModel { get; init; }

    /// <summary>A stream that is live with another model goes on with <see cref="Model"/>.</summary>
    [Id(6)] public bool SwitchModel { get; init; }

    /// <summary>When sounds of a new stream count as events; null: the silo's default.</summary>
    [Id(7)] public SoundEventRule? Events { get; init; }

    /// <summary>Other rules for some labels, by label id or name.</summary>
    [Id(8)] public Dictionary<string, SoundEventRule>? LabelEvents { get; init; }

    /// <summary>When the first sample of a new stream was heard by the microphone; null: when the stream begins.</summary>
    [Id(9)] public DateTimeOffset? Captured { get; init; }

    /// <summary>The tenant's device time in relation to other tenants; null: as it was.</summary>
    [Id(10)] public double? Weight { get; init; }

    /// <summary>When the source of a new stream counts as broken; null: never.</summary>
    [Id(11)] public SourceRule? Source { get; init; }

    /// <summary>
    /// How old a chunk's first sample may be when its tags come: within it chunks get longer while the device is busy. Null: as it was; of
    /// a new stream: chunks keep their length.
    /// </summary>
    [Id(12)] public TimeSpan? LatencyBudget { get; init; }
}

/// <summary>What a live stream is, with every default filled in.</summary>
[GenerateSerializer, Immutable, Alias("dass.StreamShape")]
public sealed record StreamShape(
    [property: Id(0)] AudioShape Format,
    [property: Id(1)] int BytesPerFrame,
    [property: Id(2)] ModelSummary Model,
    [property: Id(3)] TimeSpan Chunk,
    [property: Id(4)] TimeSpan LookAhead)
{
    /// <summary>See <see cref="StreamSpec.Alias"/>.</summary>
    [Id(5)] public string? Alias { get; init; }

    /// <summary>See <see cref="StreamSpec.Captured"/>.</summary>
    [Id(6)] public DateTimeOffset? Captured { get; init; }

    /// <summary>Asks for this very stream; what a shape does not say is as <paramref name="asked"/>.</summary>
    public StreamSpec ToSpec(StreamSpec asked) => asked with
    {
        Format = Format, Model = Model.Name, Chunk = Chunk, LookAhead = LookAhead, Alias = Alias, Captured = Captured, SwitchModel = false,
    };
}

/// <summary>When a label counts as heard. Null: the silo's value.</summary>
/// <param name="On">Score of a chunk from which a sound begins, 0 to 1.</param>
/// <param name="Off">Score below which it ends, 0 to <paramref name="On"/>.</param>
/// <param name="MinDuration">Shorter sounds are no events.</param>
/// <param name="MergeGap">A sound that is back within it goes on.</param>
[GenerateSerializer, Immutable, Alias("dass.SoundEventRule")]
public sealed record SoundEventRule(
    [property: Id(0)] float? On,
    [property: Id(1)] float? Off,
    [property: Id(2)] TimeSpan? MinDuration,
    [property: Id(3)] TimeSpan? MergeGap);

/// <summary>Key of the request context by which a stream's first message names its model to those who place it.</summary>
public static class ModelHint
{
    public const string Key = "dass.model";
}
