namespace Dass.Grid.Engine.Events;

/// <summary>What has become known of an event.</summary>
public enum EventChangeKind
{
    /// <summary>It is certain that there is one.</summary>
    Opened,

    /// <summary>It lasts.</summary>
    Updated,

    /// <summary>It is over; nothing of it changes any more.</summary>
    Closed,
}

/// <summary>News of an event: all that is known of it so far.</summary>
/// <param name="Kind">First <see cref="EventChangeKind.Opened"/>, any number of updates, last <see cref="EventChangeKind.Closed"/>.</param>
/// <param name="Label">Index of the label.</param>
/// <param name="OpenedChunk">Index of the last chunk that had to be heard to be certain of the event.</param>
/// <param name="OnsetSeconds">Begin in stream time; the same in all changes of an event.</param>
/// <param name="OffsetSeconds">End in stream time, after the onset. Before the event is closed: until when at least it lasts.</param>
/// <param name="Peak">Highest chunk score, 0 to 1.</param>
/// <param name="PeakSeconds">Centre of the first chunk with that score, in stream time.</param>
/// <param name="Mean">Mean score of the chunks that were not below the rule's Off, 0 to 1.</param>
public sealed record EventChange(
    EventChangeKind Kind, int Label, long OpenedChunk, double OnsetSeconds, double OffsetSeconds, float Peak, double PeakSeconds,
    float Mean)
{
    /// <summary>
    /// The same in all changes of an event and in every replay, different from all other events of the stream: <c>label-chunk</c>.
    /// </summary>
    public string Id => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Label}-{OpenedChunk}");
}
