using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Dass.Grid.Notify.Rules;

/// <summary>Reads the fields of one object of a file; what is wrong goes to a list, with its place, its value and the rule.</summary>
/// <param name="element">An object.</param>
/// <param name="place">Where it stands in the file, e.g. <c>rules[0]</c>; empty: the file.</param>
/// <param name="problems">Receives what is wrong.</param>
internal sealed partial class JsonFields(JsonElement element, string place, List<string> problems)
{
    private readonly List<string> _secrets = [];
    private readonly Dictionary<string, DateTime> _files = [];

    public JsonElement Element => element;

    /// <summary>The texts that came from the environment or from files.</summary>
    public IReadOnlyList<string> Secrets => _secrets;

    /// <summary>The files that were read, each with when it was written, as of before.</summary>
    public IReadOnlyDictionary<string, DateTime> Files => _files;

    public string PlaceOf(string field) => place.Length > 0 ? $"{place}.{field}" : field;

    public void Add(string field, string problem) => problems.Add($"{PlaceOf(field)} {problem}");

    public bool Has(string field) => element.TryGetProperty(field, out _);

    /// <returns>False: it is no object, which has been said.</returns>
    public bool RequireObject(params string[] known)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            problems.Add($"{(place.Length > 0 ? place : "it")} is no object.");
            return false;
        }
        foreach (var field in element.EnumerateObject().Where(field => !known.Contains(field.Name)))
        {
            problems.Add($"{PlaceOf(field.Name)} is not known.{Nearest.Question(field.Name, known)}");
        }
        return true;
    }

    /// <summary>Text with the environment's variables in it. Null: absent, or no text.</summary>
    public string? Text(string field) => element.TryGetProperty(field, out var value) ? TextOf(value, field) : null;

    public string? TextOf(JsonElement value, string field)
    {
        if (value.ValueKind != JsonValueKind.String)
        {
            Add(field, $"is {value.GetRawText()}; it must be a text.");
            return null;
        }
        return Variable().Replace(value.GetString()!, match =>
        {
            if (Environment.GetEnvironmentVariable(match.Groups[1].Value) is not { Length: > 0 } found)
            {
                Add(field, $"names the variable {match.Groups[1].Value}, which is not set.");
                return "";
            }
            _secrets.Add(found);
            return found;
        });
    }

    /// <summary>Whether a text is nothing but a variable of the environment.</summary>
    public bool IsVariable(string field) =>
        element.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.String
        && Variable().Match(value.GetString()!) is { Success: true } match && match.Length == value.GetString()!.Length;

    /// <summary>One text or a list of them.</summary>
    public string[] Texts(string field)
    {
        if (!element.TryGetProperty(field, out var value))
        {
            return [];
        }
        return value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select((each, i) => TextOf(each, $"{field}[{i}]") ?? "")]
            : [TextOf(value, field) ?? ""];
    }

    public double Number(string field, double least, double most, double absent)
    {
        if (!element.TryGetProperty(field, out var value))
        {
            return absent;
        }
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number >= least && number <= most)
        {
            return number;
        }
        Add(field, string.Create(
            CultureInfo.InvariantCulture, $"is {value.GetRawText()}; it must be a number from {least} to {most}."));
        return absent;
    }

    public bool Flag(string field, bool absent)
    {
        if (!element.TryGetProperty(field, out var value))
        {
            return absent;
        }
        if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
        {
            Add(field, $"is {value.GetRawText()}; it must be true or false.");
        }
        return value.ValueKind == JsonValueKind.True;
    }

    /// <param name="field">Its name.</param>
    /// <param name="least">The shortest.</param>
    /// <param name="most">The longest.</param>
    /// <param name="absent">What holds without it.</param>
    /// <param name="never">Whether <c>never</c> is taken, too: infinite.</param>
    public TimeSpan Duration(string field, TimeSpan least, TimeSpan most, TimeSpan absent, bool never = false)
    {
        if (Text(field) is not { } text)
        {
            return absent;
        }
        if (never && text == "never")
        {
            return Timeout.InfiniteTimeSpan;
        }
        if (!DurationText.TryParse(text, out var duration) || duration < least || duration > most)
        {
            Add(field, $"is '{text}'; it must be {(never ? "never, or " : "")}a duration from {Name(least)} to {Name(most)}, "
                + "e.g. 30s, 5m or 24h.");
            return absent;
        }
        return duration;
    }

    /// <summary>The trimmed text of a file that the field names. Null: absent, or it cannot be read.</summary>
    public string? FileText(string field)
    {
        if (Text(field) is not { } path)
        {
            return null;
        }
        _files[path] = FollowedFile.WrittenUtc(path);
        try
        {
            if (File.ReadAllText(path).Trim() is { Length: > 0 } text)
            {
                _secrets.Add(text);
                return text;
            }
            Add(field, $"is '{path}', which is empty.");
        }
        catch (Exception unread) when (unread is IOException or UnauthorizedAccessException)
        {
            Add(field, $"is '{path}', which cannot be read: {unread.Message}");
        }
        return null;
    }

    private static string Name(TimeSpan span) => span.TotalHours >= 1 ? $"{span.TotalHours:0}h"
        : span.TotalSeconds >= 1 || span == TimeSpan.Zero ? $"{span.TotalSeconds:0}s"
        : $"{span.TotalMilliseconds:0}ms";

    [GeneratedRegex(@"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", RegexOptions.CultureInvariant)]
    private static partial Regex Variable();
}
