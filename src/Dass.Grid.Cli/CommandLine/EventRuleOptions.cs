using System.CommandLine;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;

namespace Dass.Grid.Cli.CommandLine;

/// <summary>When sounds count as events, as options.</summary>
internal sealed class EventRuleOptions
{
    private readonly Option<float?> _on = Options.Score("--event-on", "Score of a chunk from which a sound begins,");
    private readonly Option<float?> _off = Options.Score("--event-off", "Score below which it ends,");
    private readonly Option<TimeSpan?> _least = Options.Span("--event-min-duration", "Shorter sounds are no events, up to 60s.");
    private readonly Option<TimeSpan?> _gap = Options.Span("--event-merge-gap", "A sound that is back within it goes on, up to 60s.");

    public System.CommandLine.Option[] All => [_on, _off, _least, _gap];

    /// <summary>Null: none is given.</summary>
    public EventRule? From(ParseResult parsed)
    {
        var rule = new EventRule { MinDuration = parsed.GetValue(_least)?.ToDuration(), MergeGap = parsed.GetValue(_gap)?.ToDuration() };
        if (parsed.GetValue(_on) is { } on)
        {
            rule.On = on;
        }
        if (parsed.GetValue(_off) is { } off)
        {
            rule.Off = off;
        }
        return rule.Equals(new EventRule()) ? null : rule;
    }

    /// <summary>For streams of this process.</summary>
    /// <exception cref="UsageException">A value breaks its rule.</exception>
    public Engine.Events.EventRule Local(ParseResult parsed)
    {
        var absent = new Engine.Events.EventRule();
        var rule = absent with
        {
            On = parsed.GetValue(_on) ?? absent.On,
            MinDuration = parsed.GetValue(_least) ?? absent.MinDuration,
            MergeGap = parsed.GetValue(_gap) ?? absent.MergeGap,
        };
        rule = parsed.GetValue(_off) is { } off ? rule with { Off = off } : rule;
        try
        {
            rule.Validate();
            return rule;
        }
        catch (ArgumentException broken)
        {
            // The engine owns the rules; only its names for the fields are not the user's.
            throw new UsageException(broken.Message
                .Replace("EventRule.On ", $"{_on.Name} ", StringComparison.Ordinal)
                .Replace("to On (", $"to {_on.Name} (", StringComparison.Ordinal)
                .Replace("EventRule.Off", _off.Name, StringComparison.Ordinal)
                .Replace("EventRule.MinDuration", _least.Name, StringComparison.Ordinal)
                .Replace("EventRule.MergeGap", _gap.Name, StringComparison.Ordinal));
        }
    }
}
