namespace Dass.Grid.Soak;

/// <summary>What one tenant's clients count. Safe for many threads.</summary>
internal sealed class ClientTally(string tenant)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _failures = new(StringComparer.Ordinal);
    private long _samples;
    private long _streams;
    private long _events;
    private long _breaks;
    private long _interruptions;
    private long _refusals;
    private long _astray;
    private long _longestWaitTicks; // since it was last asked for

    public string Tenant => tenant;

    /// <summary>Audio of streams that the grid has brought to their end.</summary>
    public double AudioSeconds => (double)Interlocked.Read(ref _samples) / SoakAudio.Rate;

    public long Streams => Interlocked.Read(ref _streams);

    /// <summary>Closings that feeders have received.</summary>
    public long Events => Interlocked.Read(ref _events);

    /// <summary>Calls that clients have broken off, to come back.</summary>
    public long Breaks => Interlocked.Read(ref _breaks);

    /// <summary>Calls that the grid has ended with UNAVAILABLE.</summary>
    public long Interruptions => Interlocked.Read(ref _interruptions);

    public long Refusals => Interlocked.Read(ref _refusals);

    /// <summary>Chunks that came twice or never, and streams whose summary has another length than was sent.</summary>
    public long Astray => Interlocked.Read(ref _astray);

    public void OnBegun() => Interlocked.Increment(ref _streams);

    public void OnEnded(long samples) => Interlocked.Add(ref _samples, samples);

    public void OnClosed(int events) => Interlocked.Add(ref _events, events);

    public void OnBroken() => Interlocked.Increment(ref _breaks);

    public void OnInterrupted() => Interlocked.Increment(ref _interruptions);

    public void OnRefused() => Interlocked.Increment(ref _refusals);

    public void OnAstray() => Interlocked.Increment(ref _astray);

    public void OnFailed(string reason)
    {
        lock (_lock)
        {
            _failures[reason] = _failures.GetValueOrDefault(reason) + 1;
        }
    }

    public void OnWaited(TimeSpan wait)
    {
        lock (_lock)
        {
            _longestWaitTicks = Math.Max(_longestWaitTicks, wait.Ticks);
        }
    }

    /// <summary>The longest that a step has waited for the device since the last call.</summary>
    public TimeSpan TakeLongestWait()
    {
        lock (_lock)
        {
            (var wait, _longestWaitTicks) = (_longestWaitTicks, 0);
            return new TimeSpan(wait);
        }
    }

    /// <summary>What went wrong, and how often.</summary>
    public IReadOnlyDictionary<string, int> Failures()
    {
        lock (_lock)
        {
            return new Dictionary<string, int>(_failures);
        }
    }
}
