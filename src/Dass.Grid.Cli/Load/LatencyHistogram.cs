namespace Dass.Grid.Cli.Load;

/// <summary>Any number of latencies in constant memory: quantiles are exact to 1 %, the maximum exactly.</summary>
internal sealed class LatencyHistogram
{
    private const double Least = 1e-4; // seconds: shorter ones count as this
    private const double Most = 3_600;
    private static readonly double Step = Math.Log(1.01);
    private readonly long[] _counts = new long[(int)(Math.Log(Most / Least) / Step) + 1];
    private long _count;

    /// <summary>Seconds; null: nothing was measured.</summary>
    public double? Max { get; private set; }

    /// <param name="seconds">One latency.</param>
    public void Add(double seconds)
    {
        _counts[(int)(Math.Log(Math.Clamp(seconds, Least, Most) / Least) / Step)]++;
        _count++;
        Max = Math.Max(Max ?? 0, seconds);
    }

    public void Add(LatencyHistogram other)
    {
        for (var i = 0; i < _counts.Length; i++)
        {
            _counts[i] += other._counts[i];
        }
        _count += other._count;
        Max = other.Max is { } max ? Math.Max(Max ?? 0, max) : Max;
    }

    /// <summary>The latency in seconds that a share of all does not exceed; null: nothing was measured.</summary>
    /// <param name="share">0 to 1.</param>
    public double? Quantile(double share)
    {
        var (rank, below) = (Math.Max(1, (long)Math.Ceiling(share * _count)), 0L);
        for (var i = 0; i < _counts.Length; i++)
        {
            below += _counts[i];
            if (below >= rank)
            {
                return Math.Min(Least * Math.Exp((i + 0.5) * Step), Max!.Value);
            }
        }
        return null;
    }
}
