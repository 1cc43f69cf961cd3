using System.Globalization;

namespace Dass.Grid.Cli.CommandLine;

/// <summary>Times as people write them: ISO 8601, relative to now, or by a word.</summary>
internal static class Times
{
    public const string Examples = "2026-03-01T12:00Z, 2026-03-01, 21:00, -1h, now, today or yesterday";

    private static readonly string[] Hours = ["HH:mm", "HH:mm:ss"];

    /// <summary>A time without an offset is UTC; an hour is today's; <c>-1h</c> is an hour ago.</summary>
    public static bool TryParse(string text, TimeProvider clock, out DateTimeOffset time)
    {
        var now = clock.GetUtcNow();
        var today = new DateTimeOffset(now.UtcDateTime.Date, TimeSpan.Zero);
        time = text switch { "now" => now, "today" => today, "yesterday" => today.AddDays(-1), _ => default };
        if (time != default)
        {
            return true;
        }
        if (text.StartsWith('-') && TryParseSpan(text[1..], out var ago))
        {
            time = now - ago;
            return true;
        }
        if (MomentText.TryParse(text, out time))
        {
            return true;
        }
        if (TimeOnly.TryParseExact(text, Hours, CultureInfo.InvariantCulture, DateTimeStyles.None, out var hour))
        {
            time = today + hour.ToTimeSpan();
            return true;
        }
        return false;
    }

    private static bool TryParseSpan(string text, out TimeSpan span)
    {
        if (text.EndsWith('d') && Options.TryParseDuration(text[..^1] + "h", out var hours) && hours.TotalDays < 40_000)
        {
            span = hours * 24;
            return true;
        }
        return Options.TryParseDuration(text, out span);
    }
}
