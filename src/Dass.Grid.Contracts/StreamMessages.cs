namespace Dass.Grid.Contracts;

/// <summary>Audio on its way to a stream. The bytes belong to the receiver: the sender never changes them after the call.</summary>
/// <param name="FirstSample">Position of the first sample, per channel, at the stream's rate.</param>
/// <param name="Data">Whole sample frames; empty asks for tags that a busy device still owes.</param>
[GenerateSerializer, Immutable, Alias("dass.AudioBlock")]
public sealed record AudioBlock([property: Id(0)] long FirstSample, [property: Id(1)] ReadOnlyMemory<byte> Data)
{
    /// <summary>
    /// From gateways of an earlier version, which send silence in place of lost audio as bytes: where it lies. Positions outside the block
    /// say nothing.
    /// </summary>
    [Id(2)] public SampleSpan[] Lost { get; init; } = [];

    /// <summary>
    /// Samples right before <see cref="FirstSample"/> that the client has lost: the model hears silence in their place. A silo of an
    /// earlier version does not read the number, and refuses the block as a gap in the positions.
    /// </summary>
    [Id(3)] public long LostBefore { get; init; }

    /// <summary>Position of the first sample that the block has or has lost.</summary>
    public long Start => FirstSample - LostBefore;
}

/// <summary>A stretch of audio: its first sample, and the one after its last.</summary>
[GenerateSerializer, Immutable, Alias("dass.SampleSpan")]
public readonly record struct SampleSpan([property: Id(0)] long FromSample, [property: Id(1)] long ToSample);

/// <summary>How a feeder comes to a stream.</summary>
/// <param name="Attachment">The attachment that is taken up again after a failure; null: a new one, which ends all others.</param>
/// <param name="OldestSample">First sample that the feeder can still send. A stream that would need earlier audio begins again there, with
/// a gap.</param>
[GenerateSerializer, Immutable, Alias("dass.Feeder")]
public sealed record Feeder([property: Id(0)] long? Attachment = null, [property: Id(1)] long OldestSample = 0)
{
    /// <summary>
    /// When the stream began, as an earlier attachment has told: a stream that no silo and no store has any more begins again as the same
    /// stream. Null: now.
    /// </summary>
    [Id(2)] public DateTimeOffset? Begun { get; init; }

    /// <summary>A stream that has ended is forgotten, and another begins under its id. A silo of an earlier version refuses.</summary>
    [Id(10)] public bool BeginsAgain { get; init; }
}

/// <summary>The right to feed a stream, until another feeder attaches.</summary>
/// <param name="Id">Names this attachment in later calls.</param>
/// <param name="NextSample">Where audio goes on.</param>
/// <param name="NextChunk">Chunks that have been tagged.</param>
/// <param name="Shape">What the stream is.</param>
/// <param name="DurableSample">Audio before this position will not be asked for again, also after a failure.</param>
/// <param name="Gap">What this attachment could not bridge; null: nothing.</param>
[GenerateSerializer, Immutable, Alias("dass.Attachment")]
public sealed record Attachment(
    [property: Id(0)] long Id,
    [property: Id(1)] long NextSample,
    [property: Id(2)] long NextChunk,
    [property: Id(3)] StreamShape Shape,
    [property: Id(4)] long DurableSample,
    [property: Id(5)] StreamGap? Gap)
{
    /// <summary>What this attachment has changed; null: nothing.</summary>
    [Id(6)] public ModelChange? Change { get; init; }

    /// <summary>When the stream began. Null: from a silo of an earlier version.</summary>
    [Id(7)] public DateTimeOffset? Begun { get; init; }

    /// <summary>See <see cref="StreamSpec.LatencyBudget"/>. Null: its chunks keep their length.</summary>
    [Id(8)] public TimeSpan? LatencyBudget { get; init; }
}

/// <summary>A stream goes on with another model.</summary>
/// <param name="Before">Whose tags it had.</param>
/// <param name="Model">Whose tags it has.</param>
/// <param name="NextChunk">From this chunk on.</param>
/// <param name="Events">Sounds of the old model's labels that were under way, closed; none when the new one goes on with them.</param>
[GenerateSerializer, Immutable, Alias("dass.ModelChange")]
public sealed record ModelChange(
    [property: Id(0)] ModelSummary Before,
    [property: Id(1)] ModelSummary Model,
    [property: Id(2)] long NextChunk,
    [property: Id(3)] SoundEvent[] Events);

/// <summary>A place where a stream's memory was lost: it goes on as if it had begun there.</summary>
/// <param name="FromSample">Last position that was heard with memory, as far as it is known.</param>
/// <param name="ToSample">Where the stream goes on; audio between the two is not tagged.</param>
/// <param name="NextChunk">First chunk after the gap. Chunks before it that were not delivered will not come.</param>
/// <param name="Reason">For the client: what was lost and why.</param>
[GenerateSerializer, Immutable, Alias("dass.StreamGap")]
public sealed record StreamGap(
    [property: Id(0)] long FromSample,
    [property: Id(1)] long ToSample,
    [property: Id(2)] long NextChunk,
    [property: Id(3)] string Reason)
{
    /// <summary>Sounds that were under way: closed where the gap begins.</summary>
    [Id(4)] public SoundEvent[] Events { get; init; } = [];
}

/// <summary>Audio that has arrived.</summary>
/// <param name="AppliedSample">The stream has all audio before this position.</param>
/// <param name="Tags">Chunks that the audio completed.</param>
/// <param name="Busy">The audio is taken in, but the device owes tags: push nothing at <paramref name="AppliedSample"/> after a pause to
/// get them.</param>
/// <param name="DurableSample">Audio before this position will not be asked for again, also after a failure.</param>
[GenerateSerializer, Immutable, Alias("dass.Pushed")]
public sealed record Pushed(
    [property: Id(0)] long AppliedSample,
    [property: Id(1)] ChunkTags[] Tags,
    [property: Id(2)] bool Busy,
    [property: Id(3)] long DurableSample)
{
    /// <summary>How long the last step waited for the device.</summary>
    [Id(4)] public TimeSpan DeviceWait { get; init; }

    /// <summary>Whether the last step's audio came faster than real time, so that live streams went first.</summary>
    [Id(5)] public bool CatchesUp { get; init; }
}

/// <summary>How far a stream is safe: audio before <c>Sample</c> will not be asked for again, also after a failure.</summary>
[GenerateSerializer, Immutable, Alias("dass.Durable")]
public sealed record Durable([property: Id(0)] long Sample);

/// <summary>A stream's end, and the chunks of its tail.</summary>
[GenerateSerializer, Immutable, Alias("dass.Finished")]
public sealed record Finished([property: Id(0)] ChunkTags[] Tags, [property: Id(1)] StreamEnd End);

/// <summary>A page of tags that the stream still keeps, in order.</summary>
/// <param name="Tags">Empty when none are kept from there on.</param>
/// <param name="NextChunk">First chunk that has not been tagged yet.</param>
[GenerateSerializer, Immutable, Alias("dass.TagPage")]
public sealed record TagPage([property: Id(0)] ChunkTags[] Tags, [property: Id(1)] long NextChunk);

/// <summary>What a stream is and how far it has come. <c>End</c> is null while it is live.</summary>
[GenerateSerializer, Immutable, Alias("dass.StreamStatus")]
public sealed record StreamStatus(
    [property: Id(0)] StreamShape Shape,
    [property: Id(1)] DateTimeOffset Begun,
    [property: Id(2)] long NextSample,
    [property: Id(3)] long NextChunk,
    [property: Id(4)] HeardSummary Summary,
    [property: Id(5)] StreamEnd? End)
{
    /// <summary>The stream's last gap, for observers that a message did not reach; null: none, as far as this activation knows.</summary>
    [Id(6)] public StreamGap? Gap { get; init; }

    /// <summary>Null: not live, or of a silo of an earlier version.</summary>
    [Id(7)] public StreamHealth? Health { get; init; }

    /// <summary>Null: as for the health.</summary>
    [Id(8)] public StreamRules? Rules { get; init; }

    /// <summary>The open event of a stream that gets no audio, for observers that have not been told of it. Null: it is not lost.</summary>
    [Id(9)] public SoundEvent? Lost { get; init; }
}

/// <summary>When the sounds of a stream are events.</summary>
/// <param name="Default">Of labels without a rule of their own.</param>
/// <param name="ByLabel">Of the others, by label index.</param>
[GenerateSerializer, Immutable, Alias("dass.StreamRules")]
public sealed record StreamRules(
    [property: Id(0)] SoundEventRule Default, [property: Id(1)] Dictionary<int, SoundEventRule> ByLabel);
