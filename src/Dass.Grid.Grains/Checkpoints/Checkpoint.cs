using System.Buffers;
using System.Security.Cryptography;
using Dass.Grid.Engine;
using Dass.Grid.Grains.Storage;

namespace Dass.Grid.Grains.Checkpoints;

/// <summary>
/// A stream at rest: what it is, how far it has come, what it said last and, unless it has ended, the state of its session.
/// </summary>
/// <param name="Epoch">Raised by every activation that takes the stream from the store.</param>
/// <param name="Attachment">Who feeds the stream; see <see cref="Contracts.Attachment.Id"/>.</param>
/// <param name="Shape">What the stream is.</param>
/// <param name="Begun">When.</param>
/// <param name="NextSample">The stream has all audio before this position.</param>
/// <param name="Origin">Where its session began.</param>
/// <param name="NextChunk">Chunks that have been tagged.</param>
/// <param name="Summary">What the model has heard.</param>
/// <param name="Ended">How it ended; null while it is live.</param>
/// <param name="History">The last chunks, oldest first.</param>
/// <remarks>
/// As bytes, little-endian: magic, layout version, model hash, position, epoch; the other fields in the order below; SHA-256 of all before
/// it. A change of this order needs a new version, and the old one must still be read. Version 1 has neither alias, capture time, events
/// nor notes.
/// </remarks>
internal sealed record Checkpoint(
    long Epoch,
    long Attachment,
    StreamShape Shape,
    DateTimeOffset Begun,
    long NextSample,
    StreamOrigin Origin,
    long NextChunk,
    HeardSummary Summary,
    StreamEndReason? Ended,
    ChunkTags[] History)
{
    /// <summary>State of the session, when this was read; empty of an ended stream.</summary>
    public ReadOnlyMemory<byte> Session { get; init; }

    /// <summary><see cref="CheckpointNotes"/>; empty of a checkpoint without.</summary>
    public ReadOnlyMemory<byte> Notes { get; init; }

    /// <summary>Sounds that the stream's end has closed.</summary>
    public SoundEvent[] Closed { get; init; } = [];

    /// <summary>
    /// State of the event tracker, when this was read; empty of an ended stream, and of one from before there were events.
    /// </summary>
    public ReadOnlyMemory<byte> Events { get; init; }

    /// <summary>"DGCP" in the byte order of the file.</summary>
    public const int Magic = 0x50434744;

    public const int Version = 2;

    private const int First = 1;
    private const int EventBytes = 36; // at least
    private const int ChecksumBytes = SHA256.HashSizeInBytes;

    /// <param name="bytes">Empty; receives the checkpoint.</param>
    /// <param name="state">Writes the states that go along; null of an ended stream.</param>
    public void WriteTo(PooledBytes bytes, CheckpointState? state)
    {
        var to = new SnapshotWriter(bytes);
        to.Write(Magic);
        to.Write(Version);
        to.Write(Shape.Model.Hash);
        to.Write(NextSample);
        to.Write(Epoch);

        to.Write(Attachment);
        to.Write((int)Shape.Format.Encoding);
        to.Write(Shape.Format.SampleRateHz);
        to.Write(Shape.Format.Channels);
        to.Write(Shape.BytesPerFrame);
        to.Write(Shape.Model.Name);
        to.Write(Shape.Model.LabelCount);
        to.Write(Shape.Model.Note);
        to.Write(Shape.Model.IsDefault ? 1 : 0);
        to.Write(Shape.Alias ?? "");
        to.Write(Shape.Captured?.UtcTicks ?? 0);
        to.Write(Shape.Chunk.Ticks);
        to.Write(Shape.LookAhead.Ticks);
        to.Write(Begun.UtcTicks);
        to.Write(Origin.Sample);
        to.Write(Origin.Chunk);
        to.Write(NextChunk);
        to.Write(Ended is { } reason ? (int)reason : 0);

        to.Write(Summary.DurationSeconds);
        to.Write(Summary.Chunks);
        to.WriteAll<float>(Summary.Mean);
        to.WriteAll<float>(Summary.Max);
        to.Write(History.Length);
        foreach (var chunk in History)
        {
            to.Write(chunk.Index);
            to.Write(chunk.StartSeconds);
            to.Write(chunk.EndSeconds);
            to.WriteAll<float>(chunk.Scores);
            to.WriteAll<float>(chunk.WindowScores);
            Write(to, chunk.Events);
        }
        Write(to, Closed);
        to.WriteAll(Notes.Span);
        WriteBlock(bytes, state?.Events);
        WriteBlock(bytes, state?.Session);
        Span<byte> checksum = stackalloc byte[ChecksumBytes];
        SHA256.HashData(bytes.Written.Span, checksum);
        bytes.Write(checksum);
    }

    /// <summary>Reads what <see cref="WriteTo"/> wrote; the session is a copy.</summary>
    /// <exception cref="SnapshotException">Not a checkpoint, a newer one, or damaged; the message says which.</exception>
    public static Checkpoint Read(ReadOnlySpan<byte> bytes)
    {
        var from = new SnapshotReader(bytes.Length > ChecksumBytes ? bytes[..^ChecksumBytes] : bytes);
        if (from.Read<int>("magic") != Magic)
        {
            throw new SnapshotException("These bytes are not a stream's checkpoint.");
        }
        var version = from.Read<int>("layout version");
        if (version is < First or > Version)
        {
            throw new SnapshotException(version > Version
                ? $"The checkpoint has layout version {version}; this silo reads up to {Version}. "
                    + "A newer silo wrote it: finish the upgrade."
                : $"The checkpoint has layout version {version}, which no silo ever wrote.");
        }
        Span<byte> checksum = stackalloc byte[ChecksumBytes];
        SHA256.HashData(bytes[..^ChecksumBytes], checksum);
        if (!checksum.SequenceEqual(bytes[^ChecksumBytes..]))
        {
            throw new SnapshotException("The checkpoint is damaged: its checksum does not match.");
        }
        var hash = from.ReadString("model hash");
        var nextSample = from.Read<long>("position");
        var epoch = from.Read<long>("epoch");

        var attachment = from.Read<long>("attachment");
        var format = new AudioShape((AudioEncoding)from.Read<int>("encoding"), from.Read<int>("sample rate"), from.Read<int>("channels"));
        var bytesPerFrame = from.Read<int>("bytes per frame");
        var model = new ModelSummary(
            from.ReadString("model"), hash, from.Read<int>("label count"), from.ReadString("note"), from.Read<int>("default model") != 0);
        var alias = version > First ? from.ReadString("alias") : "";
        var captured = version > First ? from.Read<long>("capture time") : 0;
        var shape = new StreamShape(
            format, bytesPerFrame, model, new TimeSpan(from.Read<long>("chunk length")), new TimeSpan(from.Read<long>("look-ahead")))
        {
            Alias = alias.Length == 0 ? null : alias,
            Captured = captured == 0 ? null : new DateTimeOffset(captured, TimeSpan.Zero),
        };
        var begun = new DateTimeOffset(from.Read<long>("begun"), TimeSpan.Zero);
        var origin = new StreamOrigin(from.Read<long>("origin sample"), from.Read<long>("origin chunk"));
        var nextChunk = from.Read<long>("next chunk");
        var ended = from.Read<int>("end");

        var summary = new HeardSummary(
            from.Read<double>("duration"), from.Read<long>("chunks"), from.ReadAll<float>("mean"), from.ReadAll<float>("maximum"));
        var history = new ChunkTags[Count(from.Read<int>("history"), bytes.Length)];
        for (var i = 0; i < history.Length; i++)
        {
            history[i] = new ChunkTags(
                from.Read<long>("chunk"), from.Read<double>("chunk start"), from.Read<double>("chunk end"),
                from.ReadAll<float>("chunk scores"), from.ReadAll<float>("window scores"))
            {
                Events = version > First ? ReadEvents(ref from, bytes.Length) : [],
            };
        }
        var closed = version > First ? ReadEvents(ref from, bytes.Length) : [];
        var notes = version > First ? from.ReadAll<byte>("notes") : [];
        var events = version > First ? from.ReadAll<byte>("events") : [];
        var session = from.ReadAll<byte>("session");
        SnapshotReader.Check(from.AtEnd, "end", "bytes are left over");
        shape = shape with { Format = CheckpointNotes.FromBytes(notes)?.Heard?.Of(shape.Format) ?? shape.Format };
        return new Checkpoint(
            epoch, attachment, shape, begun, nextSample, origin, nextChunk, summary, ended == 0 ? null : (StreamEndReason)ended, history)
        {
            Session = session,
            Events = events,
            Closed = closed,
            Notes = notes,
        };
    }

    /// <summary>What tells a checkpoint from all others; empty of bytes that are none.</summary>
    public static ReadOnlySpan<byte> ChecksumOf(ReadOnlySpan<byte> bytes) => bytes[Math.Max(0, bytes.Length - ChecksumBytes)..];

    private static void WriteBlock(PooledBytes bytes, Action<IBufferWriter<byte>>? write)
    {
        var lengthAt = bytes.Written.Length;
        new SnapshotWriter(bytes).Write(0);
        write?.Invoke(bytes);
        bytes.Replace(lengthAt, bytes.Written.Length - lengthAt - sizeof(int));
    }

    private static void Write(SnapshotWriter to, SoundEvent[] events)
    {
        to.Write(events.Length);
        foreach (var sound in events)
        {
            to.Write(sound.Id);
            to.Write((int)sound.Kind);
            to.Write(sound.Label);
            to.Write(sound.OnsetSeconds);
            to.Write(sound.OffsetSeconds);
            to.Write(sound.Peak);
            to.Write(sound.Mean);
        }
    }

    private static SoundEvent[] ReadEvents(ref SnapshotReader from, int bytes)
    {
        var events = new SoundEvent[Count(from.Read<int>("chunk events"), bytes / EventBytes)];
        for (var i = 0; i < events.Length; i++)
        {
            events[i] = new SoundEvent(
                from.ReadString("event"), (SoundEventKind)from.Read<int>("event kind"), from.Read<int>("event label"),
                from.Read<double>("onset"), from.Read<double>("offset"), from.Read<float>("peak score"), from.Read<float>("mean score"));
        }
        return events;
    }

    private static int Count(int count, int most)
    {
        SnapshotReader.Check(count >= 0 && count <= most, "history", $"count {count}");
        return count;
    }
}

/// <summary>Writes the states of a live stream, while no push is under way.</summary>
/// <param name="Events">That of the event tracker.</param>
/// <param name="Session">That of the session.</param>
internal readonly record struct CheckpointState(Action<IBufferWriter<byte>> Events, Action<IBufferWriter<byte>> Session);
