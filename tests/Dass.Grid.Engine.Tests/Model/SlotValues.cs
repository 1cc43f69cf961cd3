using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Tests.Model;

/// <summary>Whole states, wherever they lie.</summary>
internal static class SlotValues
{
    public static float[] Values(this StateSlot slot)
    {
        var values = new float[slot.Length];
        slot.Read(values);
        return values;
    }

    public static ReadOnlySpan<float> Values(this StateSlot slot, StateTensor tensor) =>
        slot.Values().AsSpan(tensor.Offset, tensor.Length);

    public static void Fill(this StateSlot slot, float value)
    {
        var values = new float[slot.Length];
        Array.Fill(values, value);
        slot.Write(values);
    }
}
