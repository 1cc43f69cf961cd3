using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Tests.Model;

namespace Dass.Grid.Engine.Tests.Streaming;

public class StateArenaTests
{
    private static readonly StateLayout Layout = new(TinyModel.Instance.Config);

    [Fact]
    public void A_rented_slot_is_zero_after_any_owner()
    {
        using var arena = new StateArena(Layout, 1);
        var slot = arena.TryRent()!;
        slot.Fill(1);
        slot.CommittedFrames = 5;
        slot.Dispose();
        var again = arena.TryRent()!;
        Assert.Equal(0, again.CommittedFrames);
        Assert.Equal(-1, again.Values().AsSpan().IndexOfAnyExcept(0f));
    }

    [Fact]
    public void Slots_do_not_overlap()
    {
        using var arena = new StateArena(Layout, 3);
        StateSlot[] slots = [arena.TryRent()!, arena.TryRent()!, arena.TryRent()!];
        Assert.Null(arena.TryRent());
        foreach (var slot in slots)
        {
            slot.Fill(slot.Index + 1);
        }
        Assert.All(slots, slot => Assert.Equal(-1, slot.Values().AsSpan().IndexOfAnyExcept(slot.Index + 1f)));
    }

    [Fact]
    public void A_slot_comes_back_once_and_cannot_be_used_afterwards()
    {
        using var arena = new StateArena(Layout, 2);
        var slot = arena.TryRent()!;
        slot.Dispose();
        slot.Dispose();
        Assert.Equal(0, arena.Used);
        Assert.Throws<ObjectDisposedException>(() => slot.Values());
    }

    [Fact]
    public void The_memory_lives_until_the_last_slot_is_back()
    {
        var arena = new StateArena(Layout, 2);
        var slot = arena.TryRent()!;
        arena.Dispose();
        slot.Fill(1);
        Assert.Throws<ObjectDisposedException>(() => arena.TryRent());
        slot.Dispose();
        Assert.Equal(0, arena.Used);
    }
}
