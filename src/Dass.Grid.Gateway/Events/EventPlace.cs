using System.Globalization;
using Dass.Grid.Gateway.Protocol;

namespace Dass.Grid.Gateway.Events;

/// <summary>
/// Where an event stands in the order from the newest back: by onset, and by stream, id and the stream's begin where several have the same.
/// It does not move when other events are added, so a page that begins behind it repeats and misses nothing.
/// </summary>
/// <param name="Onset">Ticks of UTC.</param>
/// <param name="Stream">Name; empty: before all of that onset.</param>
/// <param name="Id">Of the event in its stream.</param>
/// <param name="Begun">Ticks of UTC.</param>
internal sealed record EventPlace(long Onset, string Stream, string Id, long Begun) : IComparable<EventPlace>
{
    public static readonly EventPlace BeforeAll = new(DateTimeOffset.MaxValue.UtcTicks, "", "", 0);

    /// <summary>Span of the log that holds it.</summary>
    public long Span => EventLogKey.SpanOf(new DateTimeOffset(Onset, TimeSpan.Zero));

    public static EventPlace Of(LoggedEvent sound) => new(sound.Onset.UtcTicks, sound.Stream, sound.Id, sound.Begun.UtcTicks);

    public static EventPlace BeforeAllOf(long span) => new(EventLogKey.BeginOf(span + 1).UtcTicks - 1, "", "", 0);

    /// <summary>From what <see cref="ToString"/> gave.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: another text.</exception>
    public static EventPlace Parse(string token) =>
        token.Split(':') is [var onset, var stream, var id, var begun]
        && TryParseTicks(onset, out var from)
        && TryParseTicks(begun, out var of)
            ? new EventPlace(from, stream, id, of)
            : throw ProtocolErrors.PageToken(token);

    public int CompareTo(EventPlace? other)
    {
        if (other is null)
        {
            return 1;
        }
        var order = other.Onset.CompareTo(Onset);
        order = order != 0 ? order : string.CompareOrdinal(Stream, other.Stream);
        order = order != 0 ? order : string.CompareOrdinal(Id, other.Id);
        return order != 0 ? order : Begun.CompareTo(other.Begun);
    }

    /// <summary>As a page token. Names of streams and ids of events have no colon.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Onset}:{Stream}:{Id}:{Begun}");

    private static bool TryParseTicks(string text, out long ticks) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ticks) && ticks <= DateTimeOffset.MaxValue.UtcTicks;
}
