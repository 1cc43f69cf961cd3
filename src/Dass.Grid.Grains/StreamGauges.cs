using System.Collections.Concurrent;
using System.Diagnostics;

namespace Dass.Grid.Grains;

/// <summary>What a silo's activations hold that the store does not have. Thread-safe.</summary>
public sealed class StreamGauges
{
    private readonly ConcurrentDictionary<StreamGauge, byte> _all = new();

    /// <summary>Events that the tenants' logs do not have yet.</summary>
    public long OwedEvents => _all.Keys.Sum(gauge => (long)gauge.OwedEvents);

    /// <summary>
    /// How long the oldest audio that a crash would need again has been here, s: the 99th percentile and the maximum over the live
    /// streams; zero without any.
    /// </summary>
    public (double P99, double Max) UnsavedSeconds()
    {
        var now = Stopwatch.GetTimestamp();
        var ages = _all.Keys.Select(gauge => gauge.UnsavedSince).Where(since => since > 0)
            .Select(since => Stopwatch.GetElapsedTime(since, now).TotalSeconds).Order().ToArray();
        return ages.Length == 0 ? (0, 0) : (ages[(int)(0.99 * (ages.Length - 1))], ages[^1]);
    }

    public void Add(StreamGauge gauge) => _all[gauge] = 0;

    public void Remove(StreamGauge gauge) => _all.TryRemove(gauge, out _);
}

/// <summary>One activation's part. Written by its own scheduler, read by any thread.</summary>
public sealed class StreamGauge
{
    private long _unsavedSince;
    private long _lastPush; // of the activation's scheduler alone
    private int _owedEvents;

    /// <summary>When the first audio came that no checkpoint has, in Stopwatch ticks; 0: the store has all.</summary>
    public long UnsavedSince
    {
        get => Volatile.Read(ref _unsavedSince);
        set => Volatile.Write(ref _unsavedSince, value);
    }

    /// <summary>Audio has come.</summary>
    public void OnPushed()
    {
        _lastPush = Stopwatch.GetTimestamp();
        UnsavedSince = UnsavedSince > 0 ? UnsavedSince : _lastPush;
    }

    /// <summary>The store has all audio that had come by then, in Stopwatch ticks; until it has, the oldest keeps its age.</summary>
    public void OnSaved(long by) => UnsavedSince = _lastPush > by ? by : 0;

    public int OwedEvents
    {
        get => Volatile.Read(ref _owedEvents);
        set => Volatile.Write(ref _owedEvents, value);
    }
}
