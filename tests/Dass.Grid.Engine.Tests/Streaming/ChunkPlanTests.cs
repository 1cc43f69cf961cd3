using System.Buffers;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Engine.Tests.Streaming;

public sealed class ChunkPlanTests(EngineFixture fixture) : IClassFixture<EngineFixture>
{
    private const int Seconds = 12;
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(0.96);
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(1.92);
    private static readonly ChunkPlan Plan = new(Short, Long, 300);

    [Fact]
    public async Task Chunks_have_the_length_of_the_place_where_they_begin()
    {
        var tags = await HearAsync(session => Assert.True(session.TryPlan(Plan)));
        double[] starts = [0, 0.96, 1.92, 2.88, 3.84, 5.76, 7.68, 9.6, 11.52];
        Assert.Equal(starts, tags.Select(tag => tag.StartSeconds), (x, y) => Math.Abs(x - y) < 1e-9);
        Assert.Equal(Enumerable.Range(0, starts.Length).Select(i => (long)i), tags.Select(tag => tag.Index));
        Assert.Equal(Seconds, tags[^1].EndSeconds, 1e-9);
    }

    [Fact]
    public async Task A_plan_for_a_place_that_has_been_stepped_changes_nothing()
    {
        var planned = true;
        var expected = await HearAsync(_ => { });
        var tags = await HearAsync(_ => { }, session => planned = session.TryPlan(Plan));
        Assert.False(planned);
        EngineFixture.AssertSame(expected, tags);
    }

    [Fact]
    public async Task A_plan_is_the_same_whenever_it_is_made()
    {
        var expected = await HearAsync(session => session.TryPlan(Plan));
        var later = Plan with { FromFrame = 700 };
        EngineFixture.AssertSame(
            await HearAsync(session => session.TryPlan(later)), await HearAsync(_ => { }, session => Assert.True(session.TryPlan(later))));
        Assert.NotEqual(expected.Count, (await HearAsync(session => session.TryPlan(later))).Count);
    }

    [Fact]
    public async Task A_session_that_is_restored_with_its_plan_makes_the_same_chunks()
    {
        var expected = await HearAsync(session => session.TryPlan(Plan));
        using var before = fixture.Engine.Open(EngineFixture.Pcm16, new StreamSessionOptions());
        before.TryPlan(Plan);
        var tags = new List<ChunkScores>();
        await before.PushAsync(EngineFixture.Babble(0, 6 * 16_000), tags, default);
        var bytes = new ArrayBufferWriter<byte>();
        before.Save(bytes);
        using var after = fixture.Engine.Restore(bytes.WrittenSpan);
        Assert.Equal(Short, after.Plan.Next);
        Assert.True(after.TryPlan(before.Plan));
        await after.PushAsync(EngineFixture.Babble(6 * 16_000, (Seconds - 6) * 16_000), tags, default);
        await after.CompleteAsync(tags, default);
        EngineFixture.AssertSame(expected, tags);
    }

    [Fact]
    public void A_plan_keeps_the_rule_of_chunks()
    {
        using var session = fixture.Engine.Open(EngineFixture.Pcm16, new StreamSessionOptions());
        var refusal = Assert.Throws<ArgumentException>(() => session.TryPlan(Plan with { Next = TimeSpan.FromSeconds(1) }));
        Assert.Contains("multiple of 0.32 s", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(Short, session.Plan.Next);
    }

    private async Task<List<ChunkScores>> HearAsync(Action<StreamSession> first, Action<StreamSession>? halfway = null)
    {
        using var session = fixture.Engine.Open(EngineFixture.Pcm16, new StreamSessionOptions());
        var tags = new List<ChunkScores>();
        first(session);
        await session.PushAsync(EngineFixture.Babble(0, 6 * 16_000), tags, default);
        halfway?.Invoke(session);
        await session.PushAsync(EngineFixture.Babble(6 * 16_000, (Seconds - 6) * 16_000), tags, default);
        await session.CompleteAsync(tags, default);
        return tags;
    }
}
