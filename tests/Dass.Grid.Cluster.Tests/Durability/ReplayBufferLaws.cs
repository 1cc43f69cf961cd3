using Dass.Grid.Contracts;
using Dass.Grid.Gateway.Streams;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>What a gateway sends again is what its client has sent, however that was cut.</summary>
public sealed class ReplayBufferLaws
{
    private const int BytesPerFrame = 4;
    private const int MaxFrames = 1_000;

    [Theory]
    [InlineData(1, 3_000)]
    [InlineData(1, 200)]
    [InlineData(200, 201)]
    public void Pieces_from_anywhere_are_the_audio_and_small_messages_come_together(int least, int most)
    {
        var random = new Random(least + most);
        var audio = new byte[40_000 * BytesPerFrame];
        random.NextBytes(audio);
        var (tape, sizes, lost) = (new ReplayBuffer(BytesPerFrame, audio.Length), new List<int>(), new HashSet<long>());
        for (var at = 0; at < audio.Length;)
        {
            var bytes = Math.Min(random.Next(least, most) * BytesPerFrame, audio.Length - at);
            var first = at / BytesPerFrame;
            SampleSpan[] spans = random.Next(3) == 0 ? [new SampleSpan(first, first + 1 + (bytes / BytesPerFrame / 2))] : [];
            tape.Append(new AudioBlock(first, audio.AsMemory(at, bytes)) { Lost = spans });
            lost.UnionWith(spans.SelectMany(Samples));
            sizes.Add(bytes / BytesPerFrame);
            at += bytes;
        }
        for (var from = 0; from < 40_000; from += random.Next(1, 5_000))
        {
            var (next, pieces) = ((long)from, 0);
            while (tape.At(next, MaxFrames) is { } piece)
            {
                Assert.Equal(next, piece.FirstSample);
                Assert.InRange(piece.Data.Length, BytesPerFrame, MaxFrames * BytesPerFrame);
                Assert.True(piece.Data.Span.SequenceEqual(audio.AsSpan((int)next * BytesPerFrame, piece.Data.Length)));
                var samples = Samples(new SampleSpan(next, next + (piece.Data.Length / BytesPerFrame))).ToHashSet();
                Assert.Equal(samples.Where(lost.Contains), piece.Lost.SelectMany(Samples).Where(samples.Contains));
                next += samples.Count;
                pieces++;
            }
            Assert.Equal(40_000, next);
            if (sizes.Max() <= MaxFrames / 5)
            {
                Assert.InRange(pieces, 0, 1 + (40_000 - from) / (MaxFrames * 4 / 5));
            }
        }

        static IEnumerable<long> Samples(SampleSpan span) =>
            Enumerable.Range(0, (int)(span.ToSample - span.FromSample)).Select(i => span.FromSample + i);
    }
}
