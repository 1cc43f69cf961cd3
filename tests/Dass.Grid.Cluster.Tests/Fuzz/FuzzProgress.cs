using System.Diagnostics;
using System.Globalization;

namespace Dass.Grid.Cluster.Tests.Fuzz;

/// <summary>
/// How a long run goes: after each so many messages the rate since the last line, also as processor time, which other programs on the
/// machine do not change, the delay of the tenant that just streams, and memory, of grid and enemies in one process. A leak, or a rate that
/// falls, shows here long before it breaks a law. Safe for many threads.
/// </summary>
/// <param name="file">Each line is added to it at once, so that a run that is killed has left them; null: no file.</param>
internal sealed class FuzzProgress(string? file)
{
    /// <summary>Messages between two lines.</summary>
    public const int Every = 25_000;

    private readonly Lock _lock = new();
    private readonly List<double> _delays = []; // since the last line, milliseconds
    private readonly List<string> _lines = [];
    private long _since = Stopwatch.GetTimestamp();
    private int _reported;
    private TimeSpan _worked = Environment.CpuUsage.TotalTime;

    public IReadOnlyList<string> Lines => _lines;

    /// <summary>A second of the healthy tenant's audio took this long from its sending to its acknowledgement.</summary>
    public void OnApplied(TimeSpan delay)
    {
        lock (_lock)
        {
            _delays.Add(delay.TotalMilliseconds);
        }
    }

    /// <param name="messages">Sent by the enemies so far.</param>
    public void OnSent(int messages)
    {
        lock (_lock)
        {
            if (messages - _reported >= Every)
            {
                Report(messages);
            }
        }
    }

    private void Report(int messages)
    {
        var rate = (messages - _reported) / Stopwatch.GetElapsedTime(_since).TotalSeconds;
        var worked = Environment.CpuUsage.TotalTime;
        var cost = (worked - _worked).TotalMilliseconds / (messages - _reported);
        _delays.Sort();
        double Delay(double share) => _delays.Count == 0 ? double.NaN : _delays[(int)(share * (_delays.Count - 1))];
        var managed = GC.GetTotalMemory(forceFullCollection: true) >> 20;
        var line = string.Create(
            CultureInfo.InvariantCulture,
            $"{TimeProvider.System.GetUtcNow():HH:mm:ss} {messages} messages: {rate:0} messages/s, {cost:0.00} ms of processor each, "
            + $"neighbour p50 {Delay(0.5):0} ms, p99 {Delay(0.99):0} ms, max {Delay(1):0} ms, "
            + $"working set {Environment.WorkingSet >> 20} MiB, managed {managed} MiB");
        _lines.Add(line);
        if (file is not null)
        {
            File.AppendAllLines(file, [line]);
        }
        _delays.Clear();
        (_reported, _since, _worked) = (messages, Stopwatch.GetTimestamp(), worked);
    }
}
