using Dass.Grid.V1;

namespace Dass.Grid.Notify.Rules;

/// <summary>Which events become messages, and where those go.</summary>
internal sealed record Rule
{
    public required string Name { get; init; }

    /// <summary>Streams whose ids begin so. Empty: all, or <see cref="StreamIds"/>.</summary>
    public string Prefix { get; init; } = "";

    public IReadOnlyList<string> StreamIds { get; init; } = [];

    /// <summary>Names or ids. Empty: all.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>Lowest peak score.</summary>
    public float MinPeak { get; init; }

    public TimeSpan MinDuration { get; init; }

    /// <summary>Whether a message is sent when the sound begins. False: when it has ended, and all of it is known.</summary>
    public bool AtBegin { get; init; }

    /// <summary>Of the day in <see cref="TimeZone"/>, by the event's onset. Empty: all.</summary>
    public IReadOnlyList<HourSpan> Hours { get; init; } = [];

    /// <summary>Of the week, by the event's onset. Empty: all.</summary>
    public IReadOnlyList<DayOfWeek> Days { get; init; } = [];

    public TimeZoneInfo TimeZone { get; init; } = TimeZoneInfo.Utc;

    /// <summary>From the onset of an event that was sent to that of the next one. Zero: none.</summary>
    public TimeSpan Cooldown { get; init; }

    /// <summary>Whether each stream has a cooldown and a first of the day of its own.</summary>
    public bool PerStream { get; init; } = true;

    /// <summary>Whether each label has.</summary>
    public bool PerLabel { get; init; } = true;

    /// <summary>Only the first event of each day in <see cref="TimeZone"/>.</summary>
    public bool FirstOfDay { get; init; }

    /// <summary>A rule that is new begins with events that end then or later. Null: when it is first run.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Names of destinations.</summary>
    public IReadOnlyList<string> To { get; init; } = [];

    /// <summary>The rule as its file has it: equal texts are equal rules.</summary>
    public string Definition { get; init; } = "";

    /// <summary>What the grid can leave out.</summary>
    public EventSelection ToSelection() =>
        new() { Prefix = Prefix, StreamIds = { StreamIds }, Labels = { Labels }, MinPeakScore = MinPeak };

    /// <summary>Whether the grid lists the event for this rule.</summary>
    public bool Concerns(string stream, string labelId, string label, float peak) =>
        stream.StartsWith(Prefix, StringComparison.Ordinal)
        && (StreamIds.Count == 0 || StreamIds.Contains(stream))
        && (Labels.Count == 0 || Labels.Contains(labelId, StringComparer.OrdinalIgnoreCase)
            || Labels.Contains(label, StringComparer.OrdinalIgnoreCase))
        && peak >= MinPeak;

    /// <summary>What an event shares a cooldown with.</summary>
    public string KeyOf(KeptEvent kept) => $"{(PerStream ? kept.StreamId : "")}\n{(PerLabel ? kept.Event.LabelId : "")}";
}

/// <summary>Hours of a day; those that end before they begin reach over midnight.</summary>
/// <param name="From">The first minute.</param>
/// <param name="To">The minute after the last.</param>
internal readonly record struct HourSpan(TimeOnly From, TimeOnly To)
{
    public bool Has(TimeOnly time) => From < To ? time >= From && time < To : time >= From || time < To;
}
