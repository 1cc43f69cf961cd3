using Dass.Grid.V1;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>Fifteen seconds of speech in noise: 16 kHz, mono, PCM16.</summary>
internal static class Babble
{
    private const int HeaderBytes = 44;

    public const int SampleRateHz = 16_000;
    public const int BytesPerFrame = 2;

    public static readonly byte[] Pcm = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "fixtures", "babble.wav"))[HeaderBytes..];

    public static readonly int Samples = Pcm.Length / BytesPerFrame;

    public static AudioFormat Format => new() { Encoding = Encoding.Pcm16, SampleRateHz = SampleRateHz, Channels = 1 };

    public static StreamConfig Config(string streamId = "") => new()
    {
        StreamId = streamId,
        Format = Format,
        Filter = new TagFilter { Top = 0, Dense = true },
    };

    /// <summary>Samples as bytes.</summary>
    public static ReadOnlyMemory<byte> Slice(int firstSample, int samples) =>
        Pcm.AsMemory(firstSample * BytesPerFrame, Math.Min(samples, Samples - firstSample) * BytesPerFrame);
}
