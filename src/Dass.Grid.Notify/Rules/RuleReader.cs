using System.Globalization;

namespace Dass.Grid.Notify.Rules;

/// <summary>Reads one rule of a file.</summary>
/// <param name="fields">The rule's.</param>
/// <param name="destinations">Names of all destinations.</param>
/// <param name="clock">For times such as <c>-1h</c>.</param>
internal sealed class RuleReader(JsonFields fields, string[] destinations, TimeProvider clock)
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    private static readonly string[] Names =
    [
        "name", "prefix", "stream_ids", "labels", "min_peak", "min_duration", "hours", "days", "time_zone", "cooldown", "cooldown_per",
        "first_of_day", "when", "from", "to",
    ];

    /// <returns>Null: it is no rule at all.</returns>
    public Rule? Read()
    {
        if (!fields.RequireObject(Names))
        {
            return null;
        }
        var per = fields.Has("cooldown_per") ? fields.Texts("cooldown_per") : ["stream", "label"];
        foreach (var part in per.Where(part => part is not ("stream" or "label" or "rule")))
        {
            fields.Add("cooldown_per", $"is '{part}'; it must be stream, label, both in a list, or rule.");
        }
        if (per.Contains("rule") && per.Length > 1)
        {
            fields.Add("cooldown_per", "is rule and more; rule stands alone.");
        }
        return new Rule
        {
            Name = Name(),
            Prefix = fields.Text("prefix") ?? "",
            StreamIds = fields.Texts("stream_ids"),
            Labels = Labels(),
            MinPeak = (float)fields.Number("min_peak", 0, 1, 0),
            MinDuration = fields.Duration("min_duration", TimeSpan.Zero, Day, TimeSpan.Zero),
            Hours = [.. fields.Texts("hours").Select(Hours).OfType<HourSpan>()],
            Days = [.. fields.Texts("days").Select(DayOf).OfType<DayOfWeek>()],
            TimeZone = Zone(),
            Cooldown = fields.Duration("cooldown", TimeSpan.Zero, 366 * Day, TimeSpan.Zero),
            PerStream = per.Contains("stream"),
            PerLabel = per.Contains("label"),
            FirstOfDay = fields.Flag("first_of_day", false),
            AtBegin = AtBegin(),
            From = From(),
            To = To(),
            Definition = fields.Element.GetRawText(),
        };
    }

    private string Name()
    {
        var name = fields.Text("name") ?? "";
        if (!RuleFile.IsName(name))
        {
            fields.Add("name", $"is '{name}'; it must be 1 to 64 of A-Z a-z 0-9 . _ - and not begin with a point.");
        }
        return name;
    }

    private bool AtBegin()
    {
        var when = fields.Text("when") ?? "ends";
        if (when is not ("begins" or "ends"))
        {
            fields.Add("when", $"is '{when}'; it must be begins or ends.");
        }
        if (when == "begins" && fields.Has("min_duration"))
        {
            fields.Add("min_duration", "is for rules that wait for the end: how long a sound that begins will last is not known.");
        }
        return when == "begins";
    }

    private string[] Labels()
    {
        var labels = fields.Texts("labels");
        if (labels.Contains(""))
        {
            fields.Add("labels", "has an empty text; without labels the rule is for all of them.");
        }
        return labels;
    }

    private HourSpan? Hours(string text)
    {
        if (text.Split('-') is [var from, var to] && Time(from) is { } begin && Time(to) is { } end && begin != end)
        {
            return new HourSpan(begin, end);
        }
        fields.Add("hours", $"is '{text}'; it must be two different times of the day such as 22:00-06:00, or a list of such.");
        return null;
    }

    private static TimeOnly? Time(string text) => text.Trim() == "24:00" ? TimeOnly.MinValue
        : TimeOnly.TryParseExact(text.Trim(), "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out var time) ? time : null;

    private DayOfWeek? DayOf(string text)
    {
        foreach (var day in Enum.GetValues<DayOfWeek>())
        {
            if (text.Length >= 3 && day.ToString().StartsWith(text, StringComparison.OrdinalIgnoreCase))
            {
                return day;
            }
        }
        fields.Add("days", $"is '{text}'; it must be days of the week such as mon or saturday.");
        return null;
    }

    private TimeZoneInfo Zone()
    {
        var name = fields.Text("time_zone") ?? "UTC";
        try
        {
            return name == "local" ? TimeZoneInfo.Local : TimeZoneInfo.FindSystemTimeZoneById(name);
        }
        catch (Exception unknown) when (unknown is TimeZoneNotFoundException or InvalidTimeZoneException)
        {
            var near = Nearest.Question(name, TimeZoneInfo.GetSystemTimeZones().Select(zone => zone.Id));
            fields.Add("time_zone", $"is '{name}', which this machine does not know (Debian's package tzdata has them).{near}");
            return TimeZoneInfo.Utc;
        }
    }

    private DateTimeOffset? From()
    {
        if (fields.Text("from") is not { } text || text == "now")
        {
            return null;
        }
        if (text.StartsWith('-') && DurationText.TryParse(text[1..], out var ago))
        {
            return clock.GetUtcNow() - ago;
        }
        string[] forms = ["yyyy-MM-dd", "yyyy-MM-ddTHH:mmzzz", "yyyy-MM-ddTHH:mm:sszzz", "yyyy-MM-ddTHH:mm'Z'", "yyyy-MM-ddTHH:mm:ss'Z'"];
        if (DateTimeOffset.TryParseExact(
            text, forms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
        {
            return time;
        }
        fields.Add("from", $"is '{text}'; it must be now, an age such as -1h, or a time such as 2026-03-01T12:00Z.");
        return null;
    }

    private string[] To()
    {
        var names = fields.Texts("to");
        if (names.Length == 0)
        {
            fields.Add("to", "is missing: the names of one or more destinations.");
        }
        foreach (var name in names.Where(name => !destinations.Contains(name)))
        {
            fields.Add("to", $"is '{name}', which is no destination.{Nearest.Question(name, destinations)}");
        }
        return [.. names.Distinct()];
    }
}
