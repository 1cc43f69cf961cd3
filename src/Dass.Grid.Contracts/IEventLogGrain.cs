using System.Text.Json.Serialization;

namespace Dass.Grid.Contracts;

/// <summary>
/// The closed events of one tenant that began within one span of wall-clock time, in the store of streams. Key: <see cref="EventLogKey"/>.
/// </summary>
[Alias("dass.IEventLogGrain")]
public interface IEventLogGrain : IGrainWithStringKey
{
    /// <summary>Answers when the events are in the store. An event that is there already is not added twice.</summary>
    [Alias("Append")]
    Task Append(LoggedEvent[] events);

    /// <summary>Events that the query wants, by onset, stream and id. A log of an earlier version answers with all of them.</summary>
    [Alias("Read")]
    Task<LoggedEvent[]> Read(EventQuery query);

    /// <summary>Forgets all of them.</summary>
    [Alias("Clear")]
    Task Clear();
}

/// <summary>Which events of a log are wanted. Null: all.</summary>
/// <param name="Streams">Ids of streams.</param>
/// <param name="Prefix">Begin of the ids of streams.</param>
/// <param name="Labels">Label ids or display names, letter case ignored.</param>
/// <param name="From">Onset at or after.</param>
/// <param name="To">Onset before.</param>
/// <param name="MinPeak">Least peak score.</param>
[GenerateSerializer, Immutable, Alias("dass.EventQuery")]
public sealed record EventQuery(
    [property: Id(0)] string[]? Streams,
    [property: Id(1)] string? Prefix,
    [property: Id(2)] string[]? Labels,
    [property: Id(3)] DateTimeOffset From,
    [property: Id(4)] DateTimeOffset To,
    [property: Id(5)] float MinPeak)
{
    /// <summary>Of them, so many are left out first. The answer says so: <see cref="LoggedEvent.Skipped"/>.</summary>
    [Id(6)] public int Skip { get; init; }

    /// <summary>At most so many; 0: all.</summary>
    [Id(7)] public int Most { get; init; }

    /// <summary>The latest onset first.</summary>
    [Id(8)] public bool NewestFirst { get; init; }
}

/// <summary>A closed event as it is kept.</summary>
/// <param name="Stream">The stream's id.</param>
/// <param name="Begun">When the stream began: ids of streams can be used again.</param>
/// <param name="Id">Unique in the stream.</param>
/// <param name="Onset">Wall-clock time, by the capture time of the stream's first sample, or its begin.</param>
/// <param name="OnsetSeconds">Stream time.</param>
/// <param name="OffsetSeconds">Stream time.</param>
/// <param name="LabelId">Machine id.</param>
/// <param name="Label">Display name.</param>
/// <param name="Peak">0 to 1.</param>
/// <param name="Mean">0 to 1.</param>
/// <param name="Model">Whose label it is.</param>
[GenerateSerializer, Immutable, Alias("dass.LoggedEvent")]
public sealed record LoggedEvent(
    [property: Id(0)] string Stream,
    [property: Id(1)] DateTimeOffset Begun,
    [property: Id(2)] string Id,
    [property: Id(3)] DateTimeOffset Onset,
    [property: Id(4)] double OnsetSeconds,
    [property: Id(5)] double OffsetSeconds,
    [property: Id(6)] string LabelId,
    [property: Id(7)] string Label,
    [property: Id(8)] float Peak,
    [property: Id(9)] float Mean,
    [property: Id(10)] string Model)
{
    /// <summary>Of an answer's first event: how many were left out before it, as <see cref="EventQuery.Skip"/> has asked.</summary>
    [Id(11), JsonIgnore] public int Skipped { get; init; }
}

/// <summary>A tenant and a span of wall-clock time: the key of an event log.</summary>
/// <param name="Tenant">The tenant.</param>
/// <param name="Span">Spans of <see cref="Length"/> since 1970.</param>
public readonly record struct EventLogKey(string Tenant, long Span)
{
    public static readonly TimeSpan Length = TimeSpan.FromMinutes(5);

    public static long SpanOf(DateTimeOffset time) => (time.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) / Length.Ticks;

    public static DateTimeOffset BeginOf(long span) => DateTimeOffset.UnixEpoch + span * Length;

    public override string ToString() => $"{Tenant}/{Span.ToString(System.Globalization.CultureInfo.InvariantCulture)}";

    /// <summary>The key whose <see cref="ToString"/> is <paramref name="key"/>.</summary>
    public static EventLogKey Parse(string key)
    {
        var slash = key.LastIndexOf('/');
        return new EventLogKey(key[..slash], long.Parse(key.AsSpan(slash + 1), System.Globalization.CultureInfo.InvariantCulture));
    }
}
