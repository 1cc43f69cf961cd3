using Microsoft.Extensions.Options;

namespace Dass.Grid.Grains.Tenants;

/// <summary>Limits of tenants' lists of their streams. Section <c>Grid:Streams</c>.</summary>
public sealed class TenantListOptions
{
    /// <summary>How often a tenant's list of its streams is written to the store, if it has changed. Default: 2 seconds.</summary>
    public TimeSpan ListInterval { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Streams of a tenant that its list in the store holds, about 100 bytes each; those beyond are listed only while they report. Default:
    /// 100,000.
    /// </summary>
    public int ListedStreams { get; set; } = 100_000;

    /// <summary>
    /// Streams that have fallen silent, most of all with their silo, which a silo looks up in the store per second. Default: 20.
    /// </summary>
    public int LookupsPerSecond { get; set; } = 20;
}

internal sealed class TenantListOptionsValidator : IValidateOptions<TenantListOptions>
{
    public ValidateOptionsResult Validate(string? name, TenantListOptions options)
    {
        var rules = new OptionRules();
        rules.Timer($"Grid:Streams:{nameof(options.ListInterval)}", options.ListInterval);
        rules.AtLeast($"Grid:Streams:{nameof(options.ListedStreams)}", options.ListedStreams, 0);
        rules.AtLeast($"Grid:Streams:{nameof(options.LookupsPerSecond)}", options.LookupsPerSecond, 1);
        return rules.Result;
    }
}
