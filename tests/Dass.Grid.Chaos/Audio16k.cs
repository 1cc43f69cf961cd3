using Dass.Grid.V1;

namespace Dass.Grid.Chaos;

/// <summary>A stretch of the babble recording, tiled from an offset of its own: 16 kHz, mono, PCM16.</summary>
internal sealed class Audio16k(int variant, int seconds)
{
    public const int Rate = 16_000;

    private const int HeaderBytes = 44;
    private const int BytesPerSample = 2;
    private const int VariantSamples = 11_003;

    private static readonly byte[] Recording = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "babble.wav"))[HeaderBytes..];

    private readonly byte[] _bytes = Tile(variant, seconds);

    public static AudioFormat Format => new() { Encoding = Encoding.Pcm16, SampleRateHz = Rate, Channels = 1 };

    public int Variant => variant;

    public long Samples => _bytes.Length / BytesPerSample;

    public ReadOnlyMemory<byte> All => _bytes;

    public ReadOnlyMemory<byte> Slice(long from, long to) => _bytes.AsMemory((int)from * BytesPerSample, (int)(to - from) * BytesPerSample);

    private static byte[] Tile(int variant, int seconds)
    {
        var bytes = new byte[seconds * Rate * BytesPerSample];
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = Recording[(i + variant * VariantSamples * BytesPerSample) % Recording.Length];
        }
        return bytes;
    }
}
