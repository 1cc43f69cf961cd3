using Dass.Grid.Contracts;
using Dass.Grid.Gateway.Streams;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>What a gateway sends again is what its client has sent, however that was cut.</summary>
public sealed class ReplayBufferLaws
{
    private const int BytesPerFrame = 4;
    private const int MaxFrames = 1_000;

    [Theory]
    [InlineData(1, 3_000, 8)]
    [InlineData(1, 200, 8)]
    [InlineData(1, 200, 0)]
    [InlineData(200, 201, 0)]
    public void Pieces_from_anywhere_are_the_audio_and_small_messages_come_together(int least, int most, int losses)
    {
        var random = new Random(least + most);
        var audio = new byte[40_000 * BytesPerFrame];
        random.NextBytes(audio);
        var (tape, sizes, lost) = (new ReplayBuffer(BytesPerFrame, audio.Length), new List<int>(), new HashSet<int>());
        for (var at = 0; at < 40_000;)
        {
            var missing = losses > 0 && random.Next(losses) == 0 ? Math.Min(random.Next(1, 3 * MaxFrames), 40_000 - 1 - at) : 0;
            var (first, frames) = (at + missing, Math.Min(random.Next(least, most), 40_000 - at - missing));
            tape.Append(new AudioBlock(first, audio.AsMemory(first * BytesPerFrame, frames * BytesPerFrame)) { LostBefore = missing });
            lost.UnionWith(Enumerable.Range(at, missing));
            sizes.Add(frames);
            at = first + frames;
        }
        Assert.False(tape.HasRoom(1)); // what is lost counts like what is there
        for (var from = 0; from < 40_000; from += random.Next(1, 5_000))
        {
            var (next, pieces) = (from, 0);
            while (tape.At(next, MaxFrames) is { } piece)
            {
                var (missing, first, frames) = ((int)piece.LostBefore, (int)piece.FirstSample, piece.Data.Length / BytesPerFrame);
                Assert.Equal(next, piece.Start);
                Assert.InRange(missing + frames, 1, MaxFrames);
                Assert.True(piece.Data.Span.SequenceEqual(audio.AsSpan(first * BytesPerFrame, piece.Data.Length)));
                Assert.True(Enumerable.Range(next, missing).All(lost.Contains));
                Assert.DoesNotContain(Enumerable.Range(first, frames), lost.Contains);
                next = first + frames;
                pieces++;
            }
            Assert.Equal(40_000, next);
            if (sizes.Max() <= MaxFrames / 5 && lost.Count == 0)
            {
                Assert.InRange(pieces, 0, 1 + (40_000 - from) / (MaxFrames * 4 / 5));
            }
        }
    }
}
