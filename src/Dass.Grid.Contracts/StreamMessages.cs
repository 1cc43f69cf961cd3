namespace Dass.Grid.Contracts;

/// <summary>Audio on its way to a stream. The bytes belong to the receiver: the sender never changes them after the call.</summary>
/// <param name="FirstSample">Position of the first sample, per channel, at the stream's rate.</param>
/// <param name="Data">Whole sample frames; empty asks for tags that a busy device still owes.</param>
[GenerateSerializer, Immutable, Alias("dass.AudioBlock")]
public sealed record AudioBlock([property: Id(0)] long FirstSample, [property: Id(1)] ReadOnlyMemory<byte> Data);

/// <summary>The right to feed a stream, until somebody attaches after.</summary>
/// <param name="Id">Names this attachment in later calls.</param>
/// <param name="NextSample">Where audio goes on.</param>
/// <param name="NextChunk">Chunks that have been tagged.</param>
/// <param name="Shape">What the stream is.</param>
[GenerateSerializer, Immutable, Alias("dass.Attachment")]
public sealed record Attachment(
    [property: Id(0)] long Id,
    [property: Id(1)] long NextSample,
    [property: Id(2)] long NextChunk,
    [property: Id(3)] StreamShape Shape);

/// <summary>Audio that has arrived.</summary>
/// <param name="AppliedSample">The stream has all audio before this position.</param>
/// <param name="Tags">Chunks that the audio completed.</param>
/// <param name="Busy">The audio is taken in, but the device owes tags: push nothing at <paramref name="AppliedSample"/> after a pause to get them.</param>
[GenerateSerializer, Immutable, Alias("dass.Pushed")]
public sealed record Pushed(
    [property: Id(0)] long AppliedSample,
    [property: Id(1)] ChunkTags[] Tags,
    [property: Id(2)] bool Busy);

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
    [property: Id(5)] StreamEnd? End);
