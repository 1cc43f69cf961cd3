using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Engine.Tests.Streaming;

public sealed class BatchedSessionsTests(EngineFixture alone) : IClassFixture<EngineFixture>
{
    [Fact]
    public async Task A_stream_in_batches_with_others_is_tagged_as_if_alone()
    {
        const int Samples = 40_000;
        await using var engine = EngineFixture.Create(EngineFixture.Tiny(), maxBatch: 8);
        var streams = Enumerable.Range(0, 12).Select(async stream =>
        {
            using var session = engine.Open(EngineFixture.Pcm16, new StreamSessionOptions());
            var tags = new List<ChunkScores>();
            for (var at = 0; at < Samples; at += 4_000)
            {
                await session.PushAsync(EngineFixture.Babble(stream * 10_000 + at, 4_000), tags, default);
            }
            await session.CompleteAsync(tags, default);
            return tags;
        });
        var together = await Task.WhenAll(streams);
        for (var stream = 0; stream < together.Length; stream++)
        {
            var (expected, _) = await alone.TagAsync(EngineFixture.Babble(stream * 10_000, Samples), new StreamSessionOptions());
            foreach (var (one, other) in expected.Zip(together[stream]))
            {
                Assert.Equal((one.Scores.Length, one.WindowScores.Length), (other.Scores.Length, other.WindowScores.Length));
                Assert.All(one.Scores.Zip(other.Scores), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
                Assert.All(one.WindowScores.Zip(other.WindowScores), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
            }
            Assert.Equal(expected.Count, together[stream].Count);
        }
    }
}
