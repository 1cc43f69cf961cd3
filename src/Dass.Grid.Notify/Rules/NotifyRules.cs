namespace Dass.Grid.Notify.Rules;

/// <summary>A file of rules that can be used.</summary>
public sealed class NotifyRules
{
    internal NotifyRules(IReadOnlyList<Rule> rules, IReadOnlyList<DestinationSpec> destinations, IReadOnlyList<string> warnings)
    {
        (Rules, Destinations, Warnings) = (rules, destinations, warnings);
    }

    /// <summary>Names of the rules, in the order of the file.</summary>
    public IReadOnlyList<string> Names => [.. Rules.Select(rule => rule.Name)];

    /// <summary>What a person should know, e.g. that messages are not signed.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>The file and those that it names for secrets, each with when it was written, as of before it was read.</summary>
    internal IReadOnlyDictionary<string, DateTime> Files { get; init; } = new Dictionary<string, DateTime>();

    internal IReadOnlyList<Rule> Rules { get; }

    internal IReadOnlyList<DestinationSpec> Destinations { get; }

    /// <summary>Each rule with each of its destinations.</summary>
    internal IEnumerable<(Rule Rule, DestinationSpec Destination)> Routes =>
        from rule in Rules
        from name in rule.To
        select (rule, Destinations.First(destination => destination.Name == name));
}
