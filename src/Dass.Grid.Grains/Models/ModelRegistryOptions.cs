using Dass.Grid.Engine.Streaming;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Grains.Models;

/// <summary>The models that a silo serves. The same on every silo of a grid.</summary>
public sealed class ModelRegistryOptions
{
    /// <summary>The name of the model that is served when none is configured.</summary>
    public const string BuiltIn = "built-in";

    /// <summary>Model by name. Default: none, and then the built-in model alone is served.</summary>
    public Dictionary<string, EngineOptions> Models { get; } = new(StringComparer.Ordinal);

    /// <summary>Name of the model for requests that name none. Default: the only one.</summary>
    public string? DefaultModel { get; set; }

    /// <summary>A registered model that takes longer than this to load is refused. Default: 1 minute.</summary>
    public TimeSpan MaxLoadTime { get; set; } = TimeSpan.FromMinutes(1);
}

/// <summary>Reports every broken rule at start.</summary>
internal sealed class ModelRegistryOptionsValidator : IValidateOptions<ModelRegistryOptions>
{
    public ValidateOptionsResult Validate(string? name, ModelRegistryOptions options)
    {
        var rules = new OptionRules();
        foreach (var (model, engine) in options.Models)
        {
            if (!StreamId.IsName(model))
            {
                rules.Add($"Grid:Models: '{model}' is not a model name: 1 to {StreamId.MaxNameLength} of {StreamId.Alphabet}.");
            }
            rules.Nested($"Grid:Models:{model}", engine.Validate);
        }
        if (options.Models.Count > 1 && options.DefaultModel is null)
        {
            rules.Add($"Grid:DefaultModel is not set; of {options.Models.Count} models one must be the default.");
        }
        if (options.DefaultModel is { } chosen && options.Models.Count > 0 && !options.Models.ContainsKey(chosen))
        {
            rules.Add($"Grid:DefaultModel is '{chosen}'; not one of Grid:Models ({string.Join(", ", options.Models.Keys)}).");
        }
        rules.Timer($"Grid:{nameof(options.MaxLoadTime)}", options.MaxLoadTime);
        return rules.Result;
    }
}
