using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Dass.Grid.Engine.Model;

/// <summary>The tensors of a DASS checkpoint: published names, shapes, and the names of the original training code.</summary>
internal static partial class TensorNames
{
    /// <summary>Every tensor that a checkpoint of this architecture has, in the order of execution.</summary>
    public static IEnumerable<(string Name, ImmutableArray<int> Shape)> For(DassConfig config)
    {
        const string Patch = "dass.patch_embeddings.projection";
        int stem = config.StemDim, first = config.Dims[0], last = config.Dims[^1];
        yield return ($"{Patch}.0.weight", [stem, 1, 3, 3]);
        yield return ($"{Patch}.0.bias", [stem]);
        yield return ($"{Patch}.1.weight", [stem]);
        yield return ($"{Patch}.1.bias", [stem]);
        yield return ($"{Patch}.3.weight", [first, stem, 3, 3]);
        yield return ($"{Patch}.3.bias", [first]);
        yield return ($"{Patch}.4.weight", [first]);
        yield return ($"{Patch}.4.bias", [first]);
        for (var stage = 0; stage < DassConfig.Stages; stage++)
        {
            for (var block = 0; block < config.Depths[stage]; block++)
            {
                foreach (var tensor in ForBlock($"dass.layers.{stage}.blocks.{block}", config.Dims[stage], config.Rank(stage)))
                {
                    yield return tensor;
                }
            }
            if (stage + 1 < DassConfig.Stages)
            {
                int from = config.Dims[stage], to = config.Dims[stage + 1];
                yield return ($"dass.layers.{stage}.downsample.down.weight", [to, from, 3, 3]);
                yield return ($"dass.layers.{stage}.downsample.down.bias", [to]);
                yield return ($"dass.layers.{stage}.downsample.norm.weight", [to]);
                yield return ($"dass.layers.{stage}.downsample.norm.bias", [to]);
            }
        }
        yield return ("dass.norm.weight", [last]);
        yield return ("dass.norm.bias", [last]);
        yield return ("head.weight", [config.LabelCount, last]);
        yield return ("head.bias", [config.LabelCount]);
    }

    /// <summary>The published name of a tensor that may be named as in the original training code (<c>module.v.layers…</c>).</summary>
    public static string Published(string name)
    {
        var original = Prefix().Replace(name, "");
        if (original.Length == name.Length
            && (name.StartsWith("dass.", StringComparison.Ordinal) || name.StartsWith("head.", StringComparison.Ordinal)))
        {
            return name;
        }
        foreach (var (from, to) in Renamed)
        {
            if (original.StartsWith(from, StringComparison.Ordinal))
            {
                return to + original[from.Length..];
            }
        }
        var layer = Downsample().Replace(original, match => match.Groups[1].Value + (match.Groups[2].Value == "1" ? "down." : "norm."));
        return "dass." + ProjectionWeight().Replace(layer, "$1.weight");
    }

    private static readonly (string From, string To)[] Renamed =
    [
        ("patch_embed.0.", "dass.patch_embeddings.projection.0."),
        ("patch_embed.2.", "dass.patch_embeddings.projection.1."),
        ("patch_embed.5.", "dass.patch_embeddings.projection.3."),
        ("patch_embed.7.", "dass.patch_embeddings.projection.4."),
        ("classifier.norm.", "dass.norm."),
        ("classifier.head.", "head."),
    ];

    private static IEnumerable<(string Name, ImmutableArray<int> Shape)> ForBlock(string block, int d, int rank)
    {
        yield return ($"{block}.norm.weight", [d]);
        yield return ($"{block}.norm.bias", [d]);
        yield return ($"{block}.op.in_proj.weight", [d, d]);
        yield return ($"{block}.op.conv2d.weight", [d, 1, 3, 3]);
        yield return ($"{block}.op.x_proj.weight", [4 * (rank + 2), d]);
        yield return ($"{block}.op.dt_projs.weight", [4 * d, rank]);
        yield return ($"{block}.op.dt_projs_bias", [4, d]);
        yield return ($"{block}.op.A_logs", [4 * d, 1]);
        yield return ($"{block}.op.Ds", [4 * d]);
        yield return ($"{block}.op.out_norm.weight", [d]);
        yield return ($"{block}.op.out_norm.bias", [d]);
        yield return ($"{block}.op.out_proj.weight", [d, d]);
        yield return ($"{block}.norm2.weight", [d]);
        yield return ($"{block}.norm2.bias", [d]);
        yield return ($"{block}.mlp.fc1.weight", [4 * d, d]);
        yield return ($"{block}.mlp.fc1.bias", [4 * d]);
        yield return ($"{block}.mlp.fc2.weight", [d, 4 * d]);
        yield return ($"{block}.mlp.fc2.bias", [d]);
    }

    [GeneratedRegex(@"^(module\.)?(v\.)?(?=patch_embed\.|layers\.|classifier\.)")]
    private static partial Regex Prefix();

    [GeneratedRegex(@"(downsample\.)(1|3)\.")]
    private static partial Regex Downsample();

    [GeneratedRegex(@"(x_proj|dt_projs)_weight$")]
    private static partial Regex ProjectionWeight();
}
