using System.Text.RegularExpressions;

namespace Dass.Grid.Gateway.Web;

/// <summary>
/// The comments of the protos, which the compiled descriptors do not carry: by <c>Message</c>, <c>Message.field</c>, <c>Enum.VALUE</c> or
/// <c>Service.Method</c>. Reads the style of this repository's protos only.
/// </summary>
internal static partial class ProtoComments
{
    public static Dictionary<string, string> Read(IEnumerable<string> lines)
    {
        var comments = new Dictionary<string, string>(StringComparer.Ordinal);
        var (scopes, above) = (new Stack<string>(), new List<string>());
        foreach (var line in lines.Select(line => line.Trim()))
        {
            if (line.StartsWith("//", StringComparison.Ordinal))
            {
                above.Add(line[2..].Trim());
                continue;
            }
            if (Statement().Match(line) is { Success: true } found)
            {
                var name = found.Groups["name"].Value;
                var path = found.Groups["type"].Success || scopes.Count == 0 ? name : $"{scopes.Peek()}.{name}";
                if (found.Groups["beside"] is { Success: true } beside)
                {
                    above.Add(beside.Value.Trim());
                }
                if (above.Count > 0)
                {
                    comments[path] = string.Join(' ', above);
                }
            }
            above.Clear();
            var depth = line.Split("//")[0].Count(letter => letter == '{') - line.Split("//")[0].Count(letter => letter == '}');
            if (depth > 0)
            {
                // Options of a method and alternatives of a message are not named by themselves.
                scopes.Push(
                    Scope().Match(line) is { Success: true } scope ? scope.Groups[1].Value : scopes.TryPeek(out var outer) ? outer : "");
            }
            else if (depth < 0 && scopes.Count > 0)
            {
                scopes.Pop();
            }
        }
        return comments;
    }

    [GeneratedRegex(
        @"^(?:(?<type>message|enum|service) (?<name>\w+)|rpc (?<name>\w+)|(?:[\w.<>, ]+ )?(?<name>\w+) = \d+(?: \[.*\])?;)"
        + @"[^/]*(?://(?<beside>.*))?$")]
    private static partial Regex Statement();

    [GeneratedRegex(@"^(?:message|enum|service) (\w+)")]
    private static partial Regex Scope();
}
