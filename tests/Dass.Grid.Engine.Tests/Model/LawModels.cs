using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Tests.Model;

/// <summary>Networks small enough to step hundreds of times in a property test, with all the parts of a full one.</summary>
internal static class LawModels
{
    public static readonly DassConfig Config = new() { Dims = [16, 16, 32, 32], Depths = [1, 2, 1, 1], LabelCount = 5, MelBins = 64 };

    private static readonly Lazy<DassModel> PlainModel = new(() => Create("plain", causal: false));
    private static readonly Lazy<DassModel> CausalModel = new(() => Create("causal", causal: true));

    public static DassModel Plain => PlainModel.Value;

    /// <summary>
    /// No weight lets it see to the right: convolutions have no right column, and routes 2 and 3, which run backwards, put nothing out.
    /// </summary>
    public static DassModel Causal => CausalModel.Value;

    /// <summary>[frames, mel bins], uniform in [−loudness, loudness).</summary>
    public static float[] Features(int seed, int frames, float loudness = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, frames * Config.MelBins).Select(_ => loudness * (2 * random.NextSingle() - 1))];
    }

    private static DassModel Create(string name, bool causal)
    {
        var tensors = TensorNames.For(Config)
            .ToDictionary(tensor => tensor.Name, tensor => GoldenWeights.Values(tensor.Name, [.. tensor.Shape]));
        foreach (var (tensor, values) in causal ? tensors : [])
        {
            if (Ends(tensor, "down.weight", "conv2d.weight", "projection.0.weight", "projection.3.weight"))
            {
                for (var right = 2; right < values.Length; right += 3)
                {
                    values[right] = 0;
                }
            }
            else if (Ends(tensor, "Ds", "x_proj.weight"))
            {
                values.AsSpan(values.Length / 2).Clear();
            }
        }
        return new DassModel(name, Config, tensors, new LabelSet([]), name);
    }

    private static bool Ends(string name, params string[] ends) => ends.Any(end => name.EndsWith(end, StringComparison.Ordinal));
}
