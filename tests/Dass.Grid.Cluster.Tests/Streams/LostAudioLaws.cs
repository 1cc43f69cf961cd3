using CsCheck;
using Dass.Grid.Contracts;
using Dass.Grid.Grains.Sessions;

namespace Dass.Grid.Cluster.Tests.Streams;

public sealed class LostAudioLaws
{
    private static readonly int[] Rates = [8_000, 11_025, 16_000, 44_100, 96_001];

    /// <summary>A lost stretch is divided among its chunks to the sample, however the audio comes.</summary>
    [Fact]
    public void Each_chunk_has_what_lies_in_it_however_the_audio_is_cut() => Gen.Select(
        Gen.Int[0, 4].Select(i => Rates[i]),
        Gen.Int[1, 6].Select(i => 0.32 * i),
        Gen.Long[0, 1L << 40],
        Gen.Int[1, 400_000],
        Gen.Int[1, 50_000].Array[1, 20]).Sample((rate, seconds, first, samples, cuts) =>
    {
        var shape = new StreamShape(
            new AudioShape(AudioEncoding.Pcm16, rate, 1), BytesPerFrame: 2, new ModelSummary(
                "m", "", LabelCount: 2, Note: "", IsDefault: false),
            TimeSpan.FromSeconds(seconds), TimeSpan.Zero);
        var (span, lost, from) = (new SampleSpan(first, first + samples), new LostAudio(), first - 100);
        for (var i = 0; from < span.ToSample; i++)
        {
            var to = from + cuts[i % cuts.Length];
            lost.Add(i % 2 == 0
                ? new AudioBlock(Math.Max(0, from - 50), default) { Lost = [span] } // of a gateway that sends silence as bytes
                : new AudioBlock(span.ToSample, default) { LostBefore = samples }, from, to, shape);
            from = to;
        }

        long Begin(long chunk) => (long)Math.Round(chunk * rate * seconds);
        var found = lost.Seconds.ToArray();
        Assert.Equal((double)samples / rate, found.Sum(chunk => chunk.Value), 1e-6);
        Assert.All(found, chunk => Assert.Equal(
            (double)(Math.Min(span.ToSample, Begin(chunk.Key + 1)) - Math.Max(first, Begin(chunk.Key))) / rate, chunk.Value, 1.5 / rate));
        Assert.Equal(found[^1].Value, lost.Take(found[^1].Key, found[^1].Key));
        Assert.Empty(lost.Seconds);
    });
}
