using Microsoft.Extensions.Options;

namespace Dass.Grid.Grains.Models;

/// <summary>When a device counts as hung. Section <c>Grid:Streams</c>.</summary>
public sealed class DeviceWatchdogOptions
{
    /// <summary>
    /// A silo whose device has been at one batch for this long counts as hung and ends, so that its streams go on elsewhere. Default: 60
    /// seconds.
    /// </summary>
    public TimeSpan StuckAfter { get; set; } = TimeSpan.FromSeconds(60);
}

internal sealed class DeviceWatchdogOptionsValidator : IValidateOptions<DeviceWatchdogOptions>
{
    public ValidateOptionsResult Validate(string? name, DeviceWatchdogOptions options)
    {
        var rules = new OptionRules();
        rules.Timer($"Grid:Streams:{nameof(options.StuckAfter)}", options.StuckAfter);
        return rules.Result;
    }
}
