using System.Collections.Frozen;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Engine.Model;

/// <summary>One checkpoint in memory: architecture, weights, labels. Immutable.</summary>
public sealed class DassModel
{
    private readonly FrozenDictionary<string, float[]> _tensors;

    internal DassModel(string name, DassConfig config, IReadOnlyDictionary<string, float[]> tensors, LabelSet labels, string hash)
    {
        Name = name;
        Config = config;
        Labels = labels;
        Hash = hash;
        _tensors = tensors.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>What people call it: the name of its directory, or <c>built-in</c>.</summary>
    public string Name { get; }

    public DassConfig Config { get; }

    public LabelSet Labels { get; }

    /// <summary>Lower-case hexadecimal SHA-256 over configuration and weights: equal hashes mean equal outputs and exchangeable states.</summary>
    public string Hash { get; }

    /// <summary>A tensor by its published name (e.g. <c>dass.layers.0.blocks.0.op.in_proj.weight</c>), row-major.</summary>
    /// <exception cref="KeyNotFoundException">No such tensor; loading has checked that all exist, so this is a defect.</exception>
    public ReadOnlySpan<float> Tensor(string name) => _tensors[name];
}
