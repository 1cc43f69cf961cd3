namespace Dass.Grid.Engine.Model;

/// <summary>What runs the steps of a model.</summary>
/// <param name="Name">What its maker calls it, or <c>processor</c>.</param>
/// <param name="MemoryBytes">Its memory in all; of a processor what this process may use.</param>
/// <param name="Index">Which of several of its kind, from 0.</param>
public sealed record DeviceInfo(string Name, long MemoryBytes, int Index = 0)
{
    public static DeviceInfo Processor { get; } = new("processor", GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
}
