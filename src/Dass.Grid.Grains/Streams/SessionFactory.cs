using Dass.Grid.Engine;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Grains.Models;

namespace Dass.Grid.Grains.Streams;

/// <summary>From a client's wishes to a session of an engine.</summary>
internal static class SessionFactory
{
    /// <summary>Opens a session, which is the caller's to dispose.</summary>
    /// <returns>Why not, or null with the stream.</returns>
    public static Refusal? Open(ModelRegistry models, StreamSpec spec, DateTimeOffset now, out LiveStream stream)
    {
        stream = null!;
        if (spec.Format is not { } shape)
        {
            return new Refusal(RefusalCode.InvalidRequest, "format is missing; a new stream needs encoding, sample_rate_hz and channels.");
        }
        if (models.Find(spec.Model, out var model) is { } unknown)
        {
            return unknown;
        }
        var format = new AudioFormat(Encoding(shape.Encoding), shape.SampleRateHz, shape.Channels);
        var options = new StreamSessionOptions();
        options = options with { Chunk = spec.Chunk ?? options.Chunk, LookAhead = spec.LookAhead ?? options.LookAhead };
        try
        {
            stream = new LiveStream(
                model.Engine.Open(format, options),
                model,
                new StreamShape(shape, format.BytesPerFrame, model.Card.Summary, options.Chunk, options.LookAhead),
                now);
            return null;
        }
        catch (Exception broken) when (broken is AudioFormatException or ArgumentException)
        {
            return new Refusal(RefusalCode.InvalidRequest, broken.Message);
        }
        catch (NoFreeSlotException full)
        {
            return new Refusal(RefusalCode.NoFreeSlot, full.Message);
        }
    }

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
