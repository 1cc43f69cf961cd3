using System.Diagnostics.CodeAnalysis;

namespace Dass.Grid.Contracts;

/// <summary>Why a grain refuses. The gateway gives each its status code.</summary>
public enum RefusalCode
{
    /// <summary>A field of the request breaks a rule.</summary>
    InvalidRequest = 0,

    /// <summary>Audio that leaves a gap after what the stream has.</summary>
    PositionGap = 1,

    UnknownStream = 2,
    UnknownModel = 3,

    /// <summary>The stream has ended and takes nothing more.</summary>
    StreamEnded = 4,

    /// <summary>The stream is there, in another shape than asked for.</summary>
    ShapeDiffers = 5,

    /// <summary>A later call feeds the stream now.</summary>
    TakenOver = 6,

    /// <summary>Every slot of the model is taken.</summary>
    NoFreeSlot = 7,

    /// <summary>The device cannot keep up; the same call may succeed later.</summary>
    Busy = 8,

    /// <summary>The stream stands on another silo or earlier than its feeder thinks: attach again and send from there.</summary>
    Moved = 9,

    UnknownTenant = 10,

    /// <summary>The name is taken.</summary>
    AlreadyExists = 11,

    /// <summary>A limit of the tenant or of the grid; the message names it, its value and its use.</summary>
    LimitReached = 12,

    /// <summary>No process of the grid has the name.</summary>
    UnknownSilo = 13,

    /// <summary>The grid's other silos cannot take over what this one has.</summary>
    NoOtherSilo = 14,
}

/// <summary>An expected no. The message names the field, the value and the rule, and is meant for the client.</summary>
[GenerateSerializer, Immutable, Alias("dass.Refusal")]
public sealed record Refusal([property: Id(0)] RefusalCode Code, [property: Id(1)] string Message)
{
    /// <summary>When the same call may succeed, as far as that is known.</summary>
    [Id(2)] public TimeSpan? RetryAfter { get; init; }

    /// <summary>Name of the limit that is reached, for programs; null: the code says enough.</summary>
    [Id(3)] public string? Limit { get; init; }
}

/// <summary>What a grain answers: a value, or why there is none. Exceptions are left for what is not expected.</summary>
[GenerateSerializer, Immutable, Alias("dass.Outcome`1")]
public sealed record Outcome<T>([property: Id(0)] T? Value, [property: Id(1)] Refusal? Refusal)
    where T : class
{
    public static implicit operator Outcome<T>(T value) => new(value, null);

    public static implicit operator Outcome<T>(Refusal refusal) => new(null, refusal);

    /// <summary>True with the value, or false with the refusal.</summary>
    public bool Has([NotNullWhen(true)] out T? value, [NotNullWhen(false)] out Refusal? refusal)
    {
        (value, refusal) = (Value, Refusal);
        return refusal is null;
    }
}
