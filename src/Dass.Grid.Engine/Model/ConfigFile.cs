using System.Text.Json;

namespace Dass.Grid.Engine.Model;

/// <summary>Reads <c>config.json</c> and <c>preprocessor_config.json</c> of a model directory in Hugging Face layout.</summary>
internal static class ConfigFile
{
    private const int MaxDim = 8192;
    private const int MaxDepth = 256;
    private const int MaxLabels = 100_000;
    private const int MaxMelBins = 1024;

    /// <summary>What a model directory holds beside its weights.</summary>
    /// <param name="Config">The architecture.</param>
    /// <param name="LabelNames">Display names by index from <c>id2label</c>, or null.</param>
    /// <param name="Note">What a user must know of the weights, or null.</param>
    public sealed record Content(DassConfig Config, string[]? LabelNames, string? Note);

    /// <exception cref="ModelLoadException">A file is missing or breaks rules; the message lists every broken rule.</exception>
    public static Content Read(string directory)
    {
        var path = Path.Combine(directory, "config.json");
        using var json = JsonFile.Parse(path);
        var root = json.RootElement;
        var errors = new List<string>();
        void Require(bool holds, string field, string rule)
        {
            if (!holds)
            {
                errors.Add($"{field} is {(root.TryGetProperty(field, out var value) ? HostileText.Show(value) : "missing")}; {rule}");
            }
        }

        Require(Text(root, "model_type") == "dass", "model_type", "it must be \"dass\"");
        var dims = Integers(root, "dims");
        Require(
            dims.Length == DassConfig.Stages && dims.All(d => d is >= 2 and <= MaxDim && d % 2 == 0), "dims",
            $"it must be {DassConfig.Stages} even numbers from 2 to {MaxDim}");
        var depths = Integers(root, "depths");
        Require(
            depths.Length == DassConfig.Stages && depths.All(d => d is >= 1 and <= MaxDepth), "depths",
            $"it must be {DassConfig.Stages} numbers from 1 to {MaxDepth}");
        Require(
            !root.TryGetProperty("embed_dim", out _) || dims.Length == 0 || Integer(root, "embed_dim", 0) == dims[0],
            "embed_dim", "it must equal dims[0]");
        Require(Integer(root, "patch_size", 4) == 4, "patch_size", "it must be 4");

        var names = LabelNames(root, errors);
        var labels = Integer(root, "num_classes", names?.Length ?? AudioSetLabels);
        Require(labels is >= 1 and <= MaxLabels, "num_classes", $"it must be 1 to {MaxLabels}");
        Require(names is null || names.Length == labels, "num_classes", $"id2label names {names?.Length} labels");
        var bins = Integer(root, "num_mel_bins", 128);
        Require(bins is >= 32 and <= MaxMelBins && bins % 32 == 0, "num_mel_bins", $"it must be a multiple of 32 up to {MaxMelBins}");
        var window = Integer(root, "max_length", 1024);
        Require(
            window is >= 32 and <= 100_000 && window % DassConfig.FramesPerColumn == 0,
            "max_length", "it must be a multiple of 32 frames up to 100,000");

        var (mean, std) = Normalisation(directory, bins, errors);
        if (errors.Count > 0)
        {
            throw new ModelLoadException($"{path} cannot be used: {string.Join("; ", errors)}.");
        }
        var config = new DassConfig
        {
            Dims = [.. dims],
            Depths = [.. depths],
            LabelCount = labels,
            MelBins = bins,
            WindowFrames = window,
            FeatureMean = mean,
            FeatureStd = std,
        };
        return new Content(config, names, Text(root, "dass_grid_note"));
    }

    private const int AudioSetLabels = 527;

    private static (float Mean, float Std) Normalisation(string directory, int bins, List<string> errors)
    {
        var path = Path.Combine(directory, "preprocessor_config.json");
        var standard = new DassConfig { Dims = [], Depths = [], LabelCount = 0 };
        if (!File.Exists(path))
        {
            return (standard.FeatureMean, standard.FeatureStd);
        }
        using var json = JsonFile.Parse(path);
        var root = json.RootElement;
        if (Integer(root, "sampling_rate", 16_000) != 16_000)
        {
            errors.Add("preprocessor_config.json: sampling_rate must be 16000");
        }
        if (Integer(root, "num_mel_bins", bins) != bins)
        {
            errors.Add($"preprocessor_config.json: num_mel_bins must equal config.json's {bins}");
        }
        float mean = Number(root, "mean", standard.FeatureMean), std = Number(root, "std", standard.FeatureStd);
        if (!float.IsFinite(mean) || !float.IsFinite(std) || std <= 0)
        {
            errors.Add($"preprocessor_config.json: mean {mean} must be finite and std {std} positive");
        }
        return (mean, std);
    }

    private static string[]? LabelNames(JsonElement root, List<string> errors)
    {
        if (!root.TryGetProperty("id2label", out var map) || map.ValueKind != JsonValueKind.Object)
        {
            return null;
        }
        var names = new SortedDictionary<int, string>();
        foreach (var property in map.EnumerateObject())
        {
            if (!int.TryParse(property.Name, out var index)
                || property.Value.ValueKind != JsonValueKind.String
                || !names.TryAdd(index, property.Value.GetString()!))
            {
                errors.Add($"id2label has the entry '{property.Name}'; it must map each index once to a name");
                return null;
            }
        }
        if (names.Count == 0 || names.Keys.First() != 0 || names.Keys.Last() != names.Count - 1)
        {
            errors.Add($"id2label has {names.Count} entries; they must be 0 to n − 1 without gaps");
            return null;
        }
        return [.. names.Values];
    }

    private static string? Text(JsonElement root, string field) =>
        root.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static int Integer(JsonElement root, string field, int absent) =>
        root.TryGetProperty(field, out var value) ? Integer(value) : absent;

    /// <summary>-1: it is none.</summary>
    private static int Integer(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : -1;

    private static float Number(JsonElement root, string field, float absent) =>
        !root.TryGetProperty(field, out var value) ? absent : value.ValueKind == JsonValueKind.Number ? value.GetSingle() : float.NaN;

    private static int[] Integers(JsonElement root, string field) =>
        root.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select(Integer)]
            : [];
}
