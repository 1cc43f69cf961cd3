using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Cli.Sources;

/// <summary>How loud raw samples are.</summary>
internal static class Loudness
{
    public const double SilentDb = -120;

    /// <summary>Root mean square, dBFS; null: of an encoding that is not measured, or no sample.</summary>
    public static double? Of(AudioFormat format, ReadOnlySpan<byte> audio)
    {
        double sum = 0;
        var count = audio.Length / format.BytesPerSample;
        switch (format.Encoding)
        {
            case SampleEncoding.Pcm16:
                foreach (var sample in MemoryMarshal.Cast<byte, short>(audio))
                {
                    sum += (double)sample * sample;
                }
                sum /= 32768.0 * 32768.0;
                break;
            case SampleEncoding.Pcm24:
                for (var i = 0; i < count; i++)
                {
                    var sample = (audio[3 * i] << 8 | audio[3 * i + 1] << 16 | audio[3 * i + 2] << 24) / 2147483648.0;
                    sum += sample * sample;
                }
                break;
            case SampleEncoding.Pcm32:
                for (var i = 0; i < count; i++)
                {
                    var sample = BinaryPrimitives.ReadInt32LittleEndian(audio[(4 * i)..]) / 2147483648.0;
                    sum += sample * sample;
                }
                break;
            case SampleEncoding.Float32:
                foreach (var sample in MemoryMarshal.Cast<byte, float>(audio))
                {
                    sum += (double)sample * sample;
                }
                break;
            default:
                return null;
        }
        return count == 0 || double.IsNaN(sum) ? null : Math.Max(SilentDb, 10 * Math.Log10(sum / count + 1e-12));
    }
}
