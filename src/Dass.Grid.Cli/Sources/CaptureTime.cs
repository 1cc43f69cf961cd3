using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Engine;
using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Cli.Sources;

/// <summary>When a recording was made: a time, the file's last write, or what its name says.</summary>
internal sealed record CaptureTime
{
    public const string Help =
        "a time such as 2026-03-01T12:00Z; mtime, the file's last write, which is the recording's end; or a pattern of the file's name "
        + "with yyyy MM dd HH mm ss, e.g. yyyyMMdd_HHmmss, in UTC unless it has zzz";

    private const int BufferFrames = 32 << 10;

    private static readonly (string Token, string Regex)[] Tokens =
    [
        ("yyyy", "(?<y>[0-9]{4})"), ("MM", "(?<M>[0-9]{2})"), ("dd", "(?<d>[0-9]{2})"), ("HH", "(?<H>[0-9]{2})"), ("mm", "(?<m>[0-9]{2})"),
        ("ss", "(?<s>[0-9]{2})"), ("zzz", "(?<z>Z|[+-][0-9]{2}:?[0-9]{2})"), ("*", ".*?"), ("?", "."),
    ];

    /// <summary>Whether a file's last write or name says it: of a pipe neither does.</summary>
    public bool IsOfFile => Time is null;

    private DateTimeOffset? Time { get; init; }

    private string? Pattern { get; init; }

    /// <returns>Null: it is none of these.</returns>
    public static CaptureTime? Parse(string text, TimeProvider clock) =>
        text == "mtime" ? new CaptureTime()
        : Times.TryParse(text, clock, out var time) ? new CaptureTime { Time = time }
        : text.Contains("yyyy", StringComparison.Ordinal) && text.Contains("MM", StringComparison.Ordinal)
            && text.Contains("dd", StringComparison.Ordinal) ? new CaptureTime { Pattern = text }
        : null;

    /// <summary>Of the recording's first sample. One whose length counts and stands nowhere is read once to find it.</summary>
    /// <param name="file">The recording.</param>
    /// <param name="source">It is open; not read.</param>
    /// <param name="open">Opens it again.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    /// <exception cref="FormatException">The file's name is not as the pattern says.</exception>
    /// <exception cref="AudioFormatException">It is damaged.</exception>
    public async Task<DateTimeOffset> OfAsync(
        string file, IAudioSource source, Func<CancellationToken, Task<IAudioSource>> open, CancellationToken cancellationToken)
    {
        var samples = source.TotalSamples;
        if (samples is null && IsOfFile && Pattern is null)
        {
            await using var counted = await open(cancellationToken).ConfigureAwait(false);
            var buffer = new byte[BufferFrames * counted.Format.BytesPerFrame];
            samples = 0;
            while (await counted.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and var read)
            {
                samples += read / counted.Format.BytesPerFrame;
            }
        }
        return Of(file, samples is { } known ? TimeSpan.FromSeconds((double)known / source.Format.SampleRateHz) : null);
    }

    /// <summary>Of the recording's first sample.</summary>
    /// <param name="file">The recording.</param>
    /// <param name="length">How long it is. Null: not known.</param>
    /// <exception cref="FormatException">The file's name is not as the pattern says.</exception>
    public DateTimeOffset Of(string file, TimeSpan? length)
    {
        if (Time is { } time)
        {
            return time;
        }
        if (Pattern is null)
        {
            return new DateTimeOffset(File.GetLastWriteTimeUtc(file), TimeSpan.Zero) - (length ?? TimeSpan.Zero);
        }
        var match = Regex.Match(Path.GetFileName(file), ToRegex(Pattern), RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
        int Part(string group, int absent) =>
            match.Groups[group] is { Success: true } found ? int.Parse(found.Value, CultureInfo.InvariantCulture) : absent;
        try
        {
            if (match.Success)
            {
                var zone = match.Groups["z"] is { Success: true, Value: not "Z" } found ? Offset(found.Value) : TimeSpan.Zero;
                return new DateTimeOffset(Part("y", 0), Part("M", 1), Part("d", 1), Part("H", 0), Part("m", 0), Part("s", 0), zone);
            }
        }
        catch (ArgumentOutOfRangeException)
        {
            // A month of 13: as good as no time.
        }
        throw new FormatException($"{file}: its name holds no time such as {Pattern}, by which --capture-time books it.");
    }

    private static TimeSpan Offset(string text)
    {
        var digits = text[1..].Replace(":", "", StringComparison.Ordinal);
        var span = new TimeSpan(
            int.Parse(digits[..2], CultureInfo.InvariantCulture), int.Parse(digits[2..], CultureInfo.InvariantCulture), 0);
        return text[0] == '-' ? -span : span;
    }

    private static string ToRegex(string pattern)
    {
        var regex = new StringBuilder();
        for (var i = 0; i < pattern.Length;)
        {
            var token = Array.Find(Tokens, each => string.CompareOrdinal(pattern, i, each.Token, 0, each.Token.Length) == 0);
            regex.Append(token.Token is null ? Regex.Escape(pattern[i..(i + 1)]) : token.Regex);
            i += token.Token?.Length ?? 1;
        }
        return regex.ToString();
    }
}
