using Dass.Grid.Contracts;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>
/// Adds events to the log of the default tenant as streams do, at any time and in any order. Each call takes the second for which the log
/// gathers.
/// </summary>
internal sealed class LogOfEvents(TestGrid grid)
{
    /// <summary>When all of its streams began.</summary>
    public DateTimeOffset Begun { get; } = TimeProvider.System.GetUtcNow().AddHours(-3);

    /// <param name="stream">Id.</param>
    /// <param name="id">Of the event in its stream.</param>
    /// <param name="onset">How long ago it began; negative: a recording that is fed faster than in real time.</param>
    /// <param name="seconds">How long it lasts.</param>
    /// <param name="peak">Its highest score.</param>
    /// <param name="label">Display name.</param>
    public async Task AddAsync(
        string stream, string id, TimeSpan onset, double seconds = 1, float peak = 0.9f, string label = "Dog")
    {
        var at = TimeProvider.System.GetUtcNow() - onset;
        var begin = (at - Begun).TotalSeconds;
        var sound = new LoggedEvent(stream, Begun, id, at, begin, begin + seconds, $"/m/{label}", label, peak, peak, "tiny");
        var key = new EventLogKey("default", EventLogKey.SpanOf(at));
        await grid.Host.Grains.GetGrain<IEventLogGrain>(key.ToString()).Append([sound]);
    }
}
