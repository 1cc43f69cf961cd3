using Microsoft.Extensions.Options;

namespace Dass.Grid.Grains.Records;

/// <summary>How long, and how many, closed events are kept. Section <c>Grid:Streams</c>.</summary>
public sealed class RecordOptions
{
    /// <summary>How long closed events are kept for ListEvents. Zero: they are not kept. Default: 7 days.</summary>
    public TimeSpan EventRetention { get; set; } = TimeSpan.FromDays(7);

    /// <summary>Closed events of a tenant that are kept of each five minutes; about 300 bytes each. Default: 50,000.</summary>
    public int EventsPerSpan { get; set; } = 50_000;

    /// <summary>Longest time without audio after which a stream may go on; from the streams' own limits.</summary>
    internal TimeSpan LongestPause { get; set; }
}

internal sealed class RecordOptionsValidator : IValidateOptions<RecordOptions>
{
    public ValidateOptionsResult Validate(string? name, RecordOptions options)
    {
        var rules = new OptionRules();
        rules.ZeroOrMore($"Grid:Streams:{nameof(options.EventRetention)}", options.EventRetention);
        rules.AtLeast($"Grid:Streams:{nameof(options.EventsPerSpan)}", options.EventsPerSpan, 1);
        return rules.Result;
    }
}
