using Dass.Grid.Engine;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Events;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Grains.Checkpoints;
using Dass.Grid.Grains.Models;
using Dass.Grid.Grains.Storage;

namespace Dass.Grid.Grains.Sessions;

/// <summary>From what a client asks for to a session of an engine.</summary>
internal static class SessionFactory
{
    /// <summary>Whether the device keeps up with the live streams that it has.</summary>
    /// <returns>Why a new stream is not taken, or null.</returns>
    public static Refusal? Overload(ModelRegistry models, StreamSpec spec, TimeSpan maxLiveWait) =>
        models.Find(spec.Model ?? spec.DefaultModel, out var model) is null && model.Engine.LiveWait is var wait && wait > maxLiveWait
            ? new Refusal(
                RefusalCode.NoFreeSlot,
                $"live audio waits {wait.TotalSeconds:F1} s for the device of model '{model.Name}', more than "
                + $"{maxLiveWait.TotalSeconds:0.###} s (Grid:Streams:MaxLiveWait); no new stream is taken until the device keeps up.")
            {
                RetryAfter = TimeSpan.FromSeconds(5),
            }
            : null;

    /// <summary>Opens a session, which is the caller's to dispose.</summary>
    /// <returns>Why not, or null with the stream.</returns>
    /// <param name="models">Of this silo.</param>
    /// <param name="tenant">Whose device time it takes.</param>
    /// <param name="spec">What is asked for.</param>
    /// <param name="oldestSample">First sample that will come; the session begins at the next chunk.</param>
    /// <param name="now">When the stream begins.</param>
    /// <param name="defaults">When sounds are events, unless the client says otherwise.</param>
    /// <param name="stream">The stream, when nothing is returned.</param>
    /// <param name="events">What goes on; null: the stream begins.</param>
    /// <param name="spared">See <see cref="LiveStream.SparedChunks"/>: of the stream that goes on.</param>
    /// <param name="hadSlot">It has had one till now.</param>
    public static Refusal? Open(
        ModelRegistry models,
        string tenant,
        StreamSpec spec,
        long oldestSample,
        DateTimeOffset now,
        EventRule defaults,
        out LiveStream stream,
        StreamEvents? events = null,
        long spared = 0,
        bool hadSlot = false)
    {
        stream = null!;
        if (spec.Format is not { } shape)
        {
            return new Refusal(RefusalCode.InvalidRequest, "format is missing; a new stream needs encoding, sample_rate_hz and channels.");
        }
        if (models.Find(spec.Model ?? spec.DefaultModel, out var model) is { } unknown)
        {
            return unknown;
        }
        if (events is null && StreamEvents.Create(spec, defaults, model.Card.Labels, out events) is { } broken)
        {
            return broken;
        }
        var format = new AudioFormat(Encoding(shape.Encoding), shape.SampleRateHz, shape.Channels)
        {
            Channel = shape.Channel, GainDb = shape.GainDb, AutomaticGain = shape.AutomaticGain,
        };
        var options = new StreamSessionOptions();
        options = options with { Chunk = spec.Chunk ?? options.Chunk, LookAhead = spec.LookAhead ?? options.LookAhead };
        if (ChunkPlanning.Check(spec.LatencyBudget, options.Chunk, options.LookAhead) is { } tooShort)
        {
            return tooShort;
        }
        var origin = StreamOrigin.AtOrAfter(oldestSample, shape.SampleRateHz, options.Chunk);
        try
        {
            stream = new LiveStream(
                model.Engine.Open(format, options, tenant, !hadSlot && LeavesReserve(tenant)),
                model,
                new StreamShape(shape, format.BytesPerFrame, model.Card.Summary, options.Chunk, options.LookAhead)
                {
                    Alias = spec.Alias, Captured = spec.Captured,
                },
                now,
                origin with { Chunk = origin.Chunk - spared },
                events)
            {
                LatencyBudget = spec.LatencyBudget,
            };
            return null;
        }
        catch (Exception invalid) when (invalid is AudioFormatException or ArgumentException)
        {
            return new Refusal(RefusalCode.InvalidRequest, invalid.Message);
        }
        catch (NoFreeSlotException full)
        {
            return new Refusal(RefusalCode.NoFreeSlot, full.Message);
        }
        catch (DeviceLostException)
        {
            return model.Lost();
        }
    }

    /// <summary>Continues the session of a checkpoint, which is the caller's to dispose.</summary>
    /// <param name="models">Of this silo.</param>
    /// <param name="tenant">Whose device time it takes.</param>
    /// <param name="checkpoint">Of a live stream.</param>
    /// <param name="defaults">When sounds are events, for a checkpoint that does not say.</param>
    /// <param name="stream">The stream, when nothing is returned.</param>
    /// <param name="moves">It has had a slot till now, on another silo.</param>
    /// <returns>Why not now, or null with the stream.</returns>
    /// <exception cref="SnapshotException">Its state cannot be used by this silo's models.</exception>
    public static Refusal? Restore(
        ModelRegistry models, string tenant, Checkpoint checkpoint, EventRule defaults, out LiveStream stream, bool moves = false)
    {
        stream = null!;
        var (name, hash) = (checkpoint.Shape.Model.Name, checkpoint.Shape.Model.Hash);
        if (models.Find(name, out var model) is { } unknown)
        {
            if (unknown.Code == RefusalCode.Busy)
            {
                return unknown;
            }
            throw new SnapshotException($"The stream's model is gone: {unknown.Message}");
        }
        if (model.Card.Summary.Hash != hash)
        {
            throw new SnapshotException(
                $"Model '{name}' has other weights than those that heard the stream "
                + $"({model.Card.Summary.Hash[..12]}… instead of {hash[..12]}…).");
        }
        try
        {
            var events = StreamEvents.Restore(checkpoint.Events.Span, defaults, model.Card.Labels);
            var notes = CheckpointNotes.FromBytes(checkpoint.Notes.Span);
            var session = model.Engine.Restore(checkpoint.Session.Span, tenant, leavesReserve: !moves && LeavesReserve(tenant));
            stream = new LiveStream(session, model, checkpoint.Shape, checkpoint.Begun, checkpoint.Origin, events);
            stream.Restore(notes?.Chunks);
            if (!moves)
            {
                stream.HearAgain();
            }
            if (notes?.Waiting is { } levels)
            {
                stream.RestoreLevels(levels);
            }
            return null;
        }
        catch (NoFreeSlotException full)
        {
            return new Refusal(RefusalCode.NoFreeSlot, full.Message);
        }
        catch (DeviceLostException)
        {
            return model.Lost();
        }
    }

    /// <summary>Goes on with other weights that can use the stream's state: the same network and the same labels.</summary>
    /// <returns>Why not now, or null with the stream, which is the caller's to dispose; and neither when the state is of no use to the
    /// model.</returns>
    /// <param name="model">The other weights.</param>
    /// <param name="tenant">Whose device time it takes.</param>
    /// <param name="alias">What the client calls them.</param>
    /// <param name="before">The stream, not during a push; still the caller's.</param>
    /// <param name="stream">The stream with its new model.</param>
    public static Refusal? Adopt(ServedModel model, string tenant, string? alias, LiveStream before, out LiveStream? stream)
    {
        stream = null;
        if (!model.Engine.CanAdopt(before.Model.Engine))
        {
            return null;
        }
        using var bytes = new PooledBytes();
        try
        {
            before.Save(bytes);
            var session = model.Engine.Restore(bytes.Written.Span, tenant, ofOtherWeights: true);
            var shape = before.Shape with { Model = model.Card.Summary, Alias = alias };
            stream = new LiveStream(session, model, shape, before.Begun, before.Origin, before.Events);
            using var levels = new PooledBytes(1 << 10);
            before.SaveLevels(levels);
            stream.RestoreLevels(levels.Written.Span);
            stream.Restore(before.ChunkLengths);
            return null;
        }
        catch (NoFreeSlotException full)
        {
            return new Refusal(RefusalCode.NoFreeSlot, full.Message);
        }
        catch (DeviceLostException)
        {
            return model.Lost();
        }
    }

    /// <summary>A grid without keys has one tenant, which leaves no slots to others.</summary>
    private static bool LeavesReserve(string tenant) => tenant != StreamId.KeylessTenant;

    private static SampleEncoding Encoding(AudioEncoding encoding) => encoding switch
    {
        AudioEncoding.Pcm16 => SampleEncoding.Pcm16,
        AudioEncoding.Pcm24 => SampleEncoding.Pcm24,
        AudioEncoding.Pcm32 => SampleEncoding.Pcm32,
        AudioEncoding.Float32 => SampleEncoding.Float32,
        AudioEncoding.ALaw => SampleEncoding.ALaw,
        AudioEncoding.MuLaw => SampleEncoding.MuLaw,
        _ => throw new ArgumentOutOfRangeException(nameof(encoding), encoding, "No such encoding."),
    };
}
