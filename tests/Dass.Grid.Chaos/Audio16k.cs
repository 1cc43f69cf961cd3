using Dass.Grid.V1;

namespace Dass.Grid.Chaos;

/// <summary>A stretch of the babble recording, tiled from an offset of its own: 16 kHz, mono, PCM16.</summary>
/// <param name="variant">Which offset.</param>
/// <param name="seconds">How long.</param>
/// <param name="bursts">Whether it falls silent now and then, so that sounds end.</param>
internal sealed class Audio16k(int variant, int seconds, bool bursts = false)
{
    public const int Rate = 16_000;

    private const int HeaderBytes = 44;
    private const int BytesPerSample = 2;
    private const int VariantSamples = 11_003;
    private const int BurstSeconds = 10;
    private const int SoundSeconds = 5; // of them

    private static readonly byte[] Recording = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "babble.wav"))[HeaderBytes..];

    private readonly byte[] _bytes = Tile(variant, seconds, bursts);

    public static AudioFormat Format => new() { Encoding = Encoding.Pcm16, SampleRateHz = Rate, Channels = 1 };

    public int Variant => variant;

    public long Samples => _bytes.Length / BytesPerSample;

    public ReadOnlyMemory<byte> All => _bytes;

    public ReadOnlyMemory<byte> Slice(long from, long to) => _bytes.AsMemory((int)from * BytesPerSample, (int)(to - from) * BytesPerSample);

    private static byte[] Tile(int variant, int seconds, bool bursts)
    {
        var bytes = new byte[seconds * Rate * BytesPerSample];
        for (var i = 0; i < bytes.Length; i++)
        {
            var isSilent = bursts && (i / (Rate * BytesPerSample) + variant) % BurstSeconds >= SoundSeconds;
            bytes[i] = isSilent ? (byte)0 : Recording[(i + variant * VariantSamples * BytesPerSample) % Recording.Length];
        }
        return bytes;
    }
}
