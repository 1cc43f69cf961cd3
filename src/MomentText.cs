using System.Globalization;

namespace Dass.Grid;

/// <summary>Moments as people write them. Linked into the projects that read some.</summary>
internal static class MomentText
{
    private static readonly string[] Local =
    [
        "yyyy-MM-ddTHH:mm", "yyyy-MM-ddTHH:mm:ss", "yyyy-MM-ddTHH:mm:ss.FFFFFFF", "yyyy-MM-dd HH:mm", "yyyy-MM-dd HH:mm:ss",
        "yyyyMMddTHHmm", "yyyyMMddTHHmmss",
    ];

    private static readonly string[] Forms =
        ["yyyy-MM-dd", .. Local, .. Local.Select(form => form + "zzz"), .. Local.Select(form => form + "'Z'")];

    /// <summary>A date, or a date and a time of day, year first: it cannot be read in two ways. Without an offset it is UTC.</summary>
    public static bool TryParse(string text, out DateTimeOffset moment) =>
        DateTimeOffset.TryParseExact(text, Forms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out moment);
}
