namespace Dass.Grid.Cli.Load;

/// <summary>What came of the streams of one tenant, or of all. Safe for many threads.</summary>
/// <param name="tenant">Name in the report; null: all tenants together.</param>
internal sealed class LoadTally(string? tenant)
{
    private readonly Lock _lock = new();

    public string? Tenant => tenant;

    public int Streams { get; private set; }

    /// <summary>Audio that was tagged, seconds.</summary>
    public double AudioSeconds { get; private set; }

    public long Chunks { get; private set; }

    /// <summary>Chunks that never came, though later ones did.</summary>
    public long Missing { get; private set; }

    public int Interruptions { get; private set; }

    /// <summary>Streams that the grid would not begin.</summary>
    public int Refused { get; private set; }

    /// <summary>Streams that began and did not come to their end.</summary>
    public int Failed { get; private set; }

    public LatencyHistogram Latencies { get; } = new();

    public void OnChunk(double audioSeconds, double latencySeconds, long missing)
    {
        lock (_lock)
        {
            AudioSeconds += audioSeconds;
            Chunks++;
            Missing += missing;
            Latencies.Add(latencySeconds);
        }
    }

    public void OnInterrupted()
    {
        lock (_lock)
        {
            Interruptions++;
        }
    }

    /// <summary>One stream is over, as it should be or not.</summary>
    public void OnEnd(bool began, bool failed)
    {
        lock (_lock)
        {
            Streams++;
            Refused += failed && !began ? 1 : 0;
            Failed += failed && began ? 1 : 0;
        }
    }

    /// <summary>The tallies of all tenants as one, when nothing runs any more.</summary>
    public static LoadTally Sum(IEnumerable<LoadTally> tallies)
    {
        var all = new LoadTally(tenant: null);
        foreach (var tally in tallies)
        {
            all.Streams += tally.Streams;
            all.AudioSeconds += tally.AudioSeconds;
            all.Chunks += tally.Chunks;
            all.Missing += tally.Missing;
            all.Interruptions += tally.Interruptions;
            all.Refused += tally.Refused;
            all.Failed += tally.Failed;
            all.Latencies.Add(tally.Latencies);
        }
        return all;
    }
}
