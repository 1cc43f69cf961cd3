namespace Dass.Grid.Tests;

/// <summary>Bytes that code allocates on its own thread.</summary>
internal static class Allocations
{
    private const int Windows = 5;

    /// <summary>
    /// The fewest bytes of five windows: what <paramref name="work"/> allocates is in each of them, what the runtime books on the thread
    /// now and then, for compiling hot code anew or beside other tests' collections, is not.
    /// </summary>
    /// <param name="work">Takes the window, from 0 to 4.</param>
    public static long Fewest(Action<int> work)
    {
        var fewest = long.MaxValue;
        for (var window = 0; window < Windows; window++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            work(window);
            fewest = Math.Min(fewest, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return fewest;
    }
}
