using System.Text.Json;
using System.Text.RegularExpressions;

namespace Dass.Grid.Notify.Rules;

/// <summary>
/// A file of rules:
/// <code>
/// { "destinations": { "chat": { "webhook": "https://…", "secret_file": "/etc/dass/chat.secret" } },
///   "rules": [ { "name": "dogs", "labels": ["Dog"], "min_peak": 0.6, "cooldown": "5m", "to": "chat" } ] }
/// </code>
/// <c>${NAME}</c> in a text is the environment variable of that name, so that secrets stay out of the file.
/// </summary>
public static partial class RuleFile
{
    /// <exception cref="FormatException">Lists everything that is wrong, each with the place in the file.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static async Task<NotifyRules> ReadAsync(string path, CancellationToken cancellationToken)
    {
        var written = FollowedFile.WrittenUtc(path);
        return Parse(await File.ReadAllTextAsync(path, cancellationToken).ConfigureAwait(false), path, TimeProvider.System, written);
    }

    /// <inheritdoc cref="ReadAsync"/>
    public static NotifyRules Read(string path)
    {
        var written = FollowedFile.WrittenUtc(path);
        return Parse(File.ReadAllText(path), path, TimeProvider.System, written);
    }

    internal static NotifyRules Parse(string text, string path, TimeProvider clock, DateTime written = default)
    {
        var (problems, warnings) = (new List<string>(), new List<string>());
        var (rules, destinations) = (new List<Rule>(), new List<DestinationSpec>());
        var files = new Dictionary<string, DateTime> { [path] = written };
        try
        {
            using var json = JsonDocument.Parse(
                text, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            var file = new JsonFields(json.RootElement, "", problems);
            if (file.RequireObject("destinations", "rules"))
            {
                ReadDestinations(file, destinations, files, problems, warnings);
                ReadRules(file, [.. destinations.Select(each => each.Name)], clock, rules, problems);
            }
        }
        catch (JsonException broken)
        {
            problems.Add($"line {broken.LineNumber + 1}: it is no JSON. {broken.Message}");
        }
        return problems.Count == 0
            ? new NotifyRules(rules, destinations, warnings) { Files = files }
            : throw new FormatException(
                $"{path} cannot be used:{string.Concat(problems.Select(problem => $"{Environment.NewLine}  {problem}"))}");
    }

    internal static bool IsName(string name) => NamePattern().IsMatch(name);

    private static void ReadDestinations(
        JsonFields file, List<DestinationSpec> destinations, Dictionary<string, DateTime> files, List<string> problems,
        List<string> warnings)
    {
        if (!file.Element.TryGetProperty("destinations", out var all) || all.ValueKind != JsonValueKind.Object)
        {
            file.Add("destinations", "must be an object: a name and what it is for each destination.");
            return;
        }
        foreach (var each in all.EnumerateObject())
        {
            var place = $"destinations.{each.Name}";
            if (!IsName(each.Name))
            {
                problems.Add($"{place}: a destination's name must be 1 to 64 of A-Z a-z 0-9 . _ -");
            }
            // One that is broken is known by name all the same: rules that send to it are not wrong for that.
            var fields = new JsonFields(each.Value, place, problems);
            destinations.Add(new DestinationReader(each.Name, fields, warnings).Read());
            foreach (var (path, written) in fields.Files)
            {
                files.TryAdd(path, written);
            }
        }
        foreach (var twice in destinations.GroupBy(each => each.Name).Where(each => each.Count() > 1))
        {
            problems.Add($"destinations.{twice.Key} is there twice.");
        }
    }

    private static void ReadRules(JsonFields file, string[] destinations, TimeProvider clock, List<Rule> rules, List<string> problems)
    {
        if (!file.Element.TryGetProperty("rules", out var all) || all.ValueKind != JsonValueKind.Array)
        {
            file.Add("rules", "must be a list of rules.");
            return;
        }
        foreach (var (place, each) in all.EnumerateArray().Index())
        {
            if (new RuleReader(new JsonFields(each, $"rules[{place}]", problems), destinations, clock).Read() is { } rule)
            {
                rules.Add(rule);
            }
        }
        foreach (var twice in rules.GroupBy(rule => rule.Name).Where(rules => rules.Count() > 1))
        {
            problems.Add($"rules: name '{twice.Key}' is used twice.");
        }
    }

    [GeneratedRegex("^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$", RegexOptions.CultureInvariant)]
    private static partial Regex NamePattern();
}
