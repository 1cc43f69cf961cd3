using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Features;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Engine.Streaming;

/// <summary>
/// A session as bytes, little-endian: magic, version, model hash; format and options; counters; carried audio; waiting frames; recurrent
/// state; token sums; chunks that the caller has not received. The order below is the format.
/// </summary>
internal static class StreamSnapshot
{
    /// <summary>"DASS" in the byte order of the file.</summary>
    public const int Magic = 0x53534144;

    /// <summary>Of a stream whose audio is heard as it is: what engines of every version continue.</summary>
    private const int Plain = 1;

    /// <summary>With a channel of its own or a gain, which follow the count of channels. Raised with every change of the format.</summary>
    public const int Version = 2;

    public static void Save(StreamSession session, DassModel model, SnapshotWriter to)
    {
        to.Write(Magic);
        to.Write(session.Format.IsPlain ? Plain : Version);
        to.Write(model.Hash);

        to.Write((int)session.Format.Encoding);
        to.Write(session.Format.SampleRateHz);
        to.Write(session.Format.Channels);
        if (!session.Format.IsPlain)
        {
            to.Write(session.Format.Channel);
            to.Write(session.Format.GainDb);
            to.Write(session.Format.AutomaticGain ? 1 : 0);
        }
        to.Write(session.Options.Chunk.Ticks);
        to.Write(session.Options.LookAhead.Ticks);
        to.Write(session.Options.Offline ? 1 : 0);

        to.Write(session.AppliedSamples);
        to.Write(session.Ended ? 1 : 0);
        session.Intake.Save(to);
        session.LogMel.Complete(session.Frames);
        to.WriteAll(session.LogMel.Carried);
        to.WriteAll(session.Frames.Frames);
        to.Write(session.Slot.CommittedFrames);
        to.WriteAll<float, StateSlot>(session.Slot.Length, session.Slot, static (values, slot) => slot.Read(values));
        session.Pool.Save(to);

        to.Write(session.Undelivered.Count);
        foreach (var chunk in session.Undelivered)
        {
            to.Write(chunk.Index);
            to.Write(chunk.StartSeconds);
            to.Write(chunk.EndSeconds);
            to.WriteAll<float>(chunk.Scores);
            to.WriteAll<float>(chunk.WindowScores);
        }
    }

    /// <summary>Reads up to the options, from which the session is opened.</summary>
    /// <exception cref="SnapshotException">Not a snapshot, another version, another model, or damaged.</exception>
    public static (AudioFormat Format, StreamSessionOptions Options) ReadHeader(
        ref SnapshotReader from, DassModel model, bool ofOtherWeights)
    {
        if (from.Read<int>("magic") != Magic)
        {
            throw new SnapshotException("These bytes are not a stream's snapshot.");
        }
        var version = from.Read<int>("version");
        if (version is not (Plain or Version))
        {
            throw new SnapshotException($"The stream's snapshot has version {version}; this engine continues {Plain} and {Version}.");
        }
        if (from.ReadString("model hash") is var hash && hash != model.Hash && !ofOtherWeights)
        {
            throw new SnapshotException($"The stream's snapshot belongs to model {hash}; this engine runs '{model.Name}', {model.Hash}.");
        }
        var format = new AudioFormat((SampleEncoding)from.Read<int>("encoding"), from.Read<int>("sample rate"), from.Read<int>("channels"));
        format = version == Plain ? format : format with
        {
            Channel = from.Read<int>("channel"), GainDb = from.Read<float>("gain"), AutomaticGain = from.Read<int>("automatic gain") != 0,
        };
        var options = new StreamSessionOptions
        {
            Chunk = TimeSpan.FromTicks(from.Read<long>("chunk")),
            LookAhead = TimeSpan.FromTicks(from.Read<long>("look-ahead")),
            Offline = from.Read<int>("offline") != 0,
        };
        return (format, options);
    }

    /// <summary>Reads the rest into a new session.</summary>
    /// <exception cref="SnapshotException">Damaged; the session is not usable.</exception>
    public static void ReadBody(ref SnapshotReader from, StreamSession session, DassConfig config)
    {
        session.AppliedSamples = from.Read<long>("applied samples");
        session.Ended = from.Read<int>("ended") != 0;
        session.Intake.Restore(ref from);
        var carried = from.ReadAll<float>("carried samples");
        SnapshotReader.Check(carried.Length < LogMel.FrameSamples, "carried samples", $"count {carried.Length}");
        session.LogMel.Restore(carried);
        var frames = from.ReadAll<float>("waiting frames");
        SnapshotReader.Check(frames.Length % config.MelBins == 0, "waiting frames", $"count {frames.Length}");
        frames.CopyTo(session.Frames.Append(frames.Length / config.MelBins));
        session.Slot.CommittedFrames = from.Read<long>("committed frames");
        session.Slot.Write(from.ReadAll<float>("state", session.Slot.Length));
        session.Pool.Restore(ref from);
        session.Intake.SkipLevels(session.Pool.Frames / StreamSession.FramesOfPace);
        SnapshotReader.Check(
            session.Slot.CommittedFrames == session.Pool.Frames, "committed frames",
            $"{session.Slot.CommittedFrames} and {session.Pool.Frames} tagged");
        SnapshotReader.Check(session.AppliedSamples >= 0, "applied samples", $"{session.AppliedSamples}");

        var undelivered = from.Read<int>("undelivered chunks");
        for (var i = 0; i < undelivered; i++)
        {
            var chunk = new ChunkScores(
                from.Read<long>("chunk index"),
                from.Read<double>("chunk start"),
                from.Read<double>("chunk end"),
                new float[config.LabelCount],
                new float[config.LabelCount]);
            from.ReadAll<float>("chunk scores", chunk.Scores);
            from.ReadAll<float>("window scores", chunk.WindowScores);
            session.Undelivered.Add(chunk);
        }
        SnapshotReader.Check(from.AtEnd, "end", "bytes are left over");
    }
}
