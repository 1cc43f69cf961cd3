using System.Diagnostics;

namespace Dass.Grid.Engine.Streaming;

/// <summary>The share of the last <see cref="Seconds"/> in which the threads of a device ran batches. Thread-safe.</summary>
/// <param name="threads">At least 1.</param>
internal sealed class BusyTime(int threads)
{
    /// <summary>Length of the window, s: short enough for an alert within a minute, long enough to hold several batches.</summary>
    public const int Seconds = 10;

    // One more than the window, because its first second is not over when the last one begins.
    private readonly long[] _busy = new long[Seconds + 1];
    private readonly long[] _second = new long[Seconds + 1];
    private readonly Lock _gate = new();

    /// <summary>A thread has run a batch.</summary>
    /// <param name="from">Stopwatch ticks.</param>
    /// <param name="to">Stopwatch ticks.</param>
    public void Add(long from, long to)
    {
        var oldest = to - Seconds * Stopwatch.Frequency;
        lock (_gate)
        {
            for (var at = Math.Max(from, oldest); at < to;)
            {
                var second = at / Stopwatch.Frequency;
                var end = Math.Min(to, (second + 1) * Stopwatch.Frequency);
                var place = second % _busy.Length;
                if (_second[place] != second)
                {
                    (_second[place], _busy[place]) = (second, 0);
                }
                _busy[place] += end - at;
                at = end;
            }
        }
    }

    /// <summary>0 to 1: over the whole seconds before <paramref name="now"/>, batches that still run included.</summary>
    /// <param name="now">Stopwatch ticks.</param>
    /// <param name="running">When each thread's batch began; 0: none.</param>
    public double Share(long now, ReadOnlySpan<long> running)
    {
        var last = now / Stopwatch.Frequency;
        var (from, to) = ((last - Seconds) * Stopwatch.Frequency, last * Stopwatch.Frequency);
        var busy = 0L;
        lock (_gate)
        {
            for (var i = 0; i < _busy.Length; i++)
            {
                busy += _second[i] >= last - Seconds && _second[i] < last ? _busy[i] : 0;
            }
        }
        foreach (var began in running)
        {
            busy += began > 0 ? Math.Max(0, to - Math.Max(began, from)) : 0;
        }
        return Math.Min(1, (double)busy / (to - from) / threads);
    }
}
