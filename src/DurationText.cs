using System.Globalization;

namespace Dass.Grid;

/// <summary>Durations as people write them. Linked into the projects that read some.</summary>
internal static class DurationText
{
    /// <summary>A number and ms, s, m or h.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        var (number, seconds) = text.EndsWith("ms", StringComparison.Ordinal) ? (text[..^2], 0.001m)
            : text.EndsWith('s') ? (text[..^1], 1m)
            : text.EndsWith('m') ? (text[..^1], 60m)
            : text.EndsWith('h') ? (text[..^1], 3600m)
            : (text, 0m);
        var valid = decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && seconds > 0
            && value <= 1_000_000;
        duration = valid ? TimeSpan.FromTicks((long)(value * seconds * TimeSpan.TicksPerSecond)) : default;
        return valid;
    }
}
