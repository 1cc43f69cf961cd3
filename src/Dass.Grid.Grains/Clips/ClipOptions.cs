using Microsoft.Extensions.Options;

namespace Dass.Grid.Grains.Clips;

/// <summary>Limits of recordings that are tagged in one call. Section <c>Grid:Streams</c>.</summary>
public sealed class ClipOptions
{
    /// <summary>Longest recording that is tagged in one call. Default: 60 seconds.</summary>
    public TimeSpan MaxClip { get; set; } = TimeSpan.FromSeconds(60);
}

internal sealed class ClipOptionsValidator : IValidateOptions<ClipOptions>
{
    public ValidateOptionsResult Validate(string? name, ClipOptions options)
    {
        var rules = new OptionRules();
        rules.MoreThanZero($"Grid:Streams:{nameof(options.MaxClip)}", options.MaxClip);
        return rules.Result;
    }
}
