using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Engine.Tests.Streaming;

/// <summary>What one owner of streams leaves to others: slots, and threads that decode.</summary>
public class SharedSlotsTests
{
    [Fact]
    public async Task An_owner_leaves_slots_to_a_newcomer()
    {
        await using var engine = EngineFixture.Create(EngineFixture.Tiny(), maxBatch: 1); // 32 slots
        var held = Fill(engine, "greedy");
        Assert.Equal(29, held.Count);
        using var first = engine.Open(EngineFixture.Pcm16, new StreamSessionOptions(), "newcomer", leavesReserve: true);
        held[0].Dispose();
        Assert.Empty(Fill(engine, "greedy"));
        for (var slot = 29; slot < 32; slot++)
        {
            Assert.Equal(slot, engine.Slots.Used);
            engine.Open(EngineFixture.Pcm16, new StreamSessionOptions(), "default"); // an owner that leaves none
        }
        var full = Assert.Throws<NoFreeSlotException>(() => engine.Open(EngineFixture.Pcm16, new StreamSessionOptions(), "default"));
        Assert.Contains("All 32 stream slots", full.Message);
    }

    [Fact]
    public async Task Several_greedy_owners_leave_slots_to_a_newcomer()
    {
        const int Slots = 256;
        await using var engine = EngineFixture.Create(
            EngineFixture.Tiny(), maxBatch: 1, slots: Slots);
        int[] held = [.. Enumerable.Range(0, 5).Select(owner => Fill(engine, $"greedy-{owner}").Count)];
        Assert.Equal([231, 9, 6, 4, 2], held);
        Assert.InRange(Fill(engine, "newcomer").Count, 1, Slots - held.Sum() - 1);
        Assert.Empty(Fill(engine, "greedy-1"));
    }

    [Fact]
    public async Task An_owner_that_decodes_on_its_share_of_the_cores_does_not_stop_another()
    {
        await using var engine = EngineFixture.Create(EngineFixture.Tiny(), maxBatch: 1);
        using var busy = engine.Open(EngineFixture.Pcm16, new StreamSessionOptions(), "busy");
        using var other = engine.Open(EngineFixture.Pcm16, new StreamSessionOptions(), "other");
        var turns = busy.Owner.Intake.CurrentCount;
        Assert.Equal(Math.Max(1, Environment.ProcessorCount / 2), turns);
        for (var i = 0; i < turns; i++)
        {
            await busy.Owner.Intake.WaitAsync();
        }
        var tags = new List<ChunkScores>();
        var waiting = busy.PushAsync(EngineFixture.Babble(0, 1_600), tags, default);
        await other.PushAsync(EngineFixture.Babble(0, 1_600), tags, default);
        Assert.False(waiting.IsCompleted);
        busy.Owner.Intake.Release(turns);
        await waiting;
        Assert.Equal((1_600, 1_600), (busy.AppliedSamples, other.AppliedSamples));
    }

    private static List<StreamSession> Fill(StreamEngine engine, string owner)
    {
        var sessions = new List<StreamSession>();
        while (true)
        {
            try
            {
                sessions.Add(engine.Open(EngineFixture.Pcm16, new StreamSessionOptions(), owner, leavesReserve: true));
            }
            catch (NoFreeSlotException kept) when (kept.Message.Contains("kept for other tenants", StringComparison.Ordinal))
            {
                return sessions;
            }
        }
    }
}
