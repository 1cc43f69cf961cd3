namespace Dass.Grid.Contracts;

/// <summary>Scores of one chunk and of the trailing window that ends with it, 0 to 1, in label order.</summary>
[GenerateSerializer, Immutable, Alias("dass.ChunkTags")]
public sealed record ChunkTags(
    [property: Id(0)] long Index,
    [property: Id(1)] double StartSeconds,
    [property: Id(2)] double EndSeconds,
    [property: Id(3)] float[] Scores,
    [property: Id(4)] float[] WindowScores)
{
    /// <summary>What the chunk changed, in label order.</summary>
    [Id(5)] public SoundEvent[] Events { get; init; } = [];

    /// <summary>Of its audio, what the client had lost and silence was heard for, s.</summary>
    [Id(6)] public double LostSeconds { get; init; }

    /// <summary>How loud it is. Null: not known, e.g. because all of it was lost.</summary>
    [Id(7)] public StreamLevel? Level { get; init; }

    /// <summary>Columns of 32 bins, ten a second; empty of a chunk that has been in the store.</summary>
    [Id(8)] public byte[] Spectrogram { get; init; } = [];
}

/// <summary>How loud a stretch of audio is, over all channels.</summary>
/// <param name="RmsDbfs">Root mean square about the mean, −120 to 0 dB and more of full scale.</param>
/// <param name="PeakDbfs">Highest magnitude, dB of full scale.</param>
/// <param name="ClippedShare">Samples at full scale or beyond, 0 to 1.</param>
[GenerateSerializer, Immutable, Alias("dass.StreamLevel")]
public readonly record struct StreamLevel(
    [property: Id(0)] float RmsDbfs, [property: Id(1)] float PeakDbfs, [property: Id(2)] float ClippedShare);

/// <summary>How a live stream fares.</summary>
/// <param name="LastAudio">When audio last came; null: none has since its silo has it.</param>
/// <param name="Attached">Whether a client feeds it, as far as the silo knows: a gateway that dies takes no leave.</param>
/// <param name="Delay">From the arrival of the audio that completed its last chunk to the chunk's tags.</param>
/// <param name="Level">Of its last chunk.</param>
/// <param name="Labels">Those of the offered labels that its last window has most of, in the order in which people see them; three.</param>
/// <param name="Scores">Theirs, 0 to 1.</param>
[GenerateSerializer, Immutable, Alias("dass.StreamHealth")]
public sealed record StreamHealth(
    [property: Id(0)] DateTimeOffset? LastAudio,
    [property: Id(1)] bool Attached,
    [property: Id(2)] TimeSpan Delay,
    [property: Id(3)] StreamLevel? Level,
    [property: Id(4)] int[] Labels,
    [property: Id(5)] float[] Scores);

public enum SoundEventKind
{
    /// <summary>A sound has begun.</summary>
    Opened = 1,

    /// <summary>It goes on.</summary>
    Updated = 2,

    /// <summary>It is over.</summary>
    Closed = 3,
}

/// <summary>One sound from onset to offset, as far as it is known.</summary>
/// <param name="Id">Unique in the stream: a function of the label and the chunk in which it was opened.</param>
/// <param name="Kind">What has become of it.</param>
/// <param name="Label">Place in the model's output.</param>
/// <param name="OnsetSeconds">Stream time.</param>
/// <param name="OffsetSeconds">Of an event that is not closed: how far it has been heard.</param>
/// <param name="Peak">Highest score of its chunks so far, 0 to 1.</param>
/// <param name="Mean">Mean score of its chunks so far, 0 to 1.</param>
[GenerateSerializer, Immutable, Alias("dass.SoundEvent")]
public sealed record SoundEvent(
    [property: Id(0)] string Id,
    [property: Id(1)] SoundEventKind Kind,
    [property: Id(2)] int Label,
    [property: Id(3)] double OnsetSeconds,
    [property: Id(4)] double OffsetSeconds,
    [property: Id(5)] float Peak,
    [property: Id(6)] float Mean);

/// <summary>What a stream has heard so far; score lists are empty before the first chunk.</summary>
[GenerateSerializer, Immutable, Alias("dass.HeardSummary")]
public sealed record HeardSummary(
    [property: Id(0)] double DurationSeconds,
    [property: Id(1)] long Chunks,
    [property: Id(2)] float[] Mean,
    [property: Id(3)] float[] Max);

public enum StreamEndReason
{
    /// <summary>The client that fed it finished it.</summary>
    Finished = 1,

    /// <summary>A client of its tenant closed it.</summary>
    Closed = 2,

    /// <summary>No audio for the idle timeout.</summary>
    Idle = 3,

    /// <summary>It is in no silo and no store: its silo failed before the first checkpoint, and no feeder has taken it up again.</summary>
    Lost = 4,
}

[GenerateSerializer, Immutable, Alias("dass.StreamEnd")]
public sealed record StreamEnd([property: Id(0)] StreamEndReason Reason, [property: Id(1)] HeardSummary Summary)
{
    /// <summary>Sounds that the end has closed.</summary>
    [Id(2)] public SoundEvent[] Events { get; init; } = [];

    /// <summary>When the stream that ended had begun; null: a silo of an earlier version, or none, has told of the end.</summary>
    [Id(3)] public DateTimeOffset? Begun { get; init; }

    /// <summary>
    /// Index after that of the last chunk: above the number that the summary is of where audio got lost or the model was changed. Null: as
    /// for <see cref="Begun"/>.
    /// </summary>
    [Id(4)] public long? NextChunk { get; init; }
}
