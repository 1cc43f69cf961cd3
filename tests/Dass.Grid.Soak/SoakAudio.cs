using Google.Protobuf;

namespace Dass.Grid.Soak;

/// <summary>
/// Endless audio of which any part can be made again: seven seconds of babble, eight of silence, from an offset of each stream's own.
/// </summary>
internal static class SoakAudio
{
    public const int Rate = 16_000;

    private const int HeaderBytes = 44;
    private const int BytesPerSample = 2;
    private const int LoudSamples = 7 * Rate;
    private const int LoopSamples = 15 * Rate;
    private const int VariantSamples = 11_003;

    private static readonly byte[] Loop = Make();

    public static V1.AudioFormat Format => new() { Encoding = V1.Encoding.Pcm16, SampleRateHz = Rate, Channels = 1 };

    public static ByteString Slice(int variant, long from, long to)
    {
        var bytes = new byte[(to - from) * BytesPerSample];
        var at = (from + (long)variant * VariantSamples) % LoopSamples * BytesPerSample;
        for (var done = 0; done < bytes.Length; at = 0)
        {
            var count = Math.Min(bytes.Length - done, Loop.Length - (int)at);
            Loop.AsSpan((int)at, count).CopyTo(bytes.AsSpan(done));
            done += count;
        }
        return UnsafeByteOperations.UnsafeWrap(bytes);
    }

    private static byte[] Make()
    {
        var loop = new byte[LoopSamples * BytesPerSample];
        File.ReadAllBytes(
            Path.Combine(AppContext.BaseDirectory, "babble.wav")).AsSpan(HeaderBytes, LoudSamples * BytesPerSample).CopyTo(loop);
        return loop;
    }
}
