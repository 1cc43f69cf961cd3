using System.Buffers;
using System.Runtime.InteropServices;
using Dass.Grid.Engine.Streaming;

namespace Dass.Grid.Engine.Audio;

/// <summary>Audio bytes to mono samples at 16 kHz. This one takes what needs no conversion: mono PCM16 at 16 kHz.</summary>
internal sealed class AudioIntake
{
    public AudioIntake(AudioFormat format)
    {
        if (format != new AudioFormat(SampleEncoding.Pcm16, 16_000, 1))
        {
            throw new AudioFormatException($"{format} must be Pcm16, 16000 Hz, 1 channel.");
        }
    }

    /// <summary>Appends the samples of whole frames. When it throws, nothing has changed.</summary>
    /// <exception cref="AudioFormatException">A torn frame.</exception>
    public void Push(ReadOnlySpan<byte> audio, IBufferWriter<float> to)
    {
        if (audio.Length % 2 != 0)
        {
            throw new AudioFormatException($"audio has {audio.Length} bytes; it must be a multiple of 2.");
        }
        var samples = MemoryMarshal.Cast<byte, short>(audio);
        var room = to.GetSpan(samples.Length);
        for (var i = 0; i < samples.Length; i++)
        {
            room[i] = samples[i] / 32768f;
        }
        to.Advance(samples.Length);
    }

    /// <summary>Appends what was held back for samples to come: nothing, without a resampler.</summary>
    public void Flush(IBufferWriter<float> to)
    {
    }

    public void Save(SnapshotWriter to)
    {
    }

    public void Restore(ref SnapshotReader from)
    {
    }
}
