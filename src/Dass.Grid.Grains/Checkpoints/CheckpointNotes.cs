using System.Text.Json;

namespace Dass.Grid.Grains.Checkpoints;

/// <summary>
/// What a checkpoint keeps as JSON, where a field may be added without a new layout: what the stream's outbox has not delivered, when the
/// stream was fed last, its lost audio and its levels.
/// </summary>
/// <param name="Span">Use of the present session.</param>
/// <param name="Owed">Closed events that are not in their logs yet.</param>
/// <param name="Finals">Use of earlier sessions that is not in the usage records yet.</param>
internal sealed record CheckpointNotes(UsageStart Span, LoggedEvent[] Owed, UsageSpan[] Finals)
{
    /// <summary>When the stream was fed last. Null: written before this was kept.</summary>
    public DateTimeOffset? LastActive { get; init; }

    /// <summary>Lost audio, s: of kept chunks by index, of what comes next by place. Null: nothing.</summary>
    public Dictionary<long, double>? Lost { get; init; }

    /// <summary>Levels of kept chunks. Null: written before there were any.</summary>
    public Dictionary<long, StreamLevel>? Levels { get; init; }

    /// <summary>Levels of audio that waits for its chunk, as the engine writes them. Null: as above, or not live.</summary>
    public byte[]? Waiting { get; init; }

    /// <summary>What is heard of the audio. Null: the plain mean of all channels.</summary>
    public HeardAs? Heard { get; init; }

    /// <summary>Since when no audio has come. Null: no event of that is asked for.</summary>
    public SourceLossNote? Loss { get; init; }

    /// <summary>How long its chunks are. Null: as its shape says, for ever.</summary>
    public ChunkLengths? Chunks { get; init; }

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this);

    /// <returns>Null: a checkpoint without notes.</returns>
    /// <exception cref="JsonException">Damaged.</exception>
    public static CheckpointNotes? FromBytes(ReadOnlySpan<byte> bytes) =>
        bytes.IsEmpty ? null : JsonSerializer.Deserialize<CheckpointNotes>(bytes);
}

/// <summary>See <see cref="AudioShape"/>.</summary>
internal sealed record HeardAs(int Channel, float GainDb, bool AutomaticGain)
{
    /// <returns>Null: the plain mean of all channels.</returns>
    public static HeardAs? From(AudioShape shape) => shape is { Channel: 0, GainDb: 0, AutomaticGain: false }
        ? null : new HeardAs(shape.Channel, shape.GainDb, shape.AutomaticGain);

    public AudioShape Of(AudioShape shape) => shape with { Channel = Channel, GainDb = GainDb, AutomaticGain = AutomaticGain };
}

/// <summary>See <see cref="Engine.Streaming.ChunkPlan"/>.</summary>
/// <param name="Chunk">Of chunks before <paramref name="FromFrame"/>.</param>
/// <param name="Next">Of the others.</param>
/// <param name="FromFrame">Where <paramref name="Next"/> begins.</param>
/// <param name="LatencyBudget">See <see cref="StreamSpec.LatencyBudget"/>.</param>
/// <param name="SettledFrame">Clients may have been told of chunks before it.</param>
internal sealed record ChunkLengths(TimeSpan Chunk, TimeSpan Next, long FromFrame, TimeSpan? LatencyBudget, long SettledFrame);

/// <summary>When a stream has last got audio.</summary>
/// <param name="After">How long it may be without before that is an event.</param>
/// <param name="Since">When the last audio came.</param>
/// <param name="Sample">Where it ended.</param>
/// <param name="Opened">Whether the event is under way.</param>
internal sealed record SourceLossNote(TimeSpan After, DateTimeOffset Since, long Sample, bool Opened)
{
    /// <summary>An event that has closed and has gone out with no chunk yet. Null: there is none.</summary>
    public SoundEvent? Closed { get; init; }

    /// <summary>The stream went to sleep with this: it has got no audio since without a later note. False: that is not known.</summary>
    public bool Sleeps { get; init; }

    /// <summary>Those that have closed after it. Null: none. An earlier version knows of the first alone.</summary>
    public SoundEvent[]? AlsoClosed { get; init; }
}

/// <summary>Where a session's use began, and how many events it has closed.</summary>
internal sealed record UsageStart(long FromSample, long FromChunk, long Events);
