using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;

namespace Dass.Grid.Engine.Model;

/// <summary>One checkpoint in memory: architecture, weights, labels. Immutable.</summary>
public sealed class DassModel
{
    private readonly FrozenDictionary<string, float[]> _tensors;

    private DassModel(DassModel exact)
    {
        (Name, Config, Labels, Note, _tensors, IsQuantized) = (exact.Name, exact.Config, exact.Labels, exact.Note, exact._tensors, true);
        Hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(exact.Hash + " int8")));
    }

    internal DassModel(
        string name, DassConfig config, IReadOnlyDictionary<string, float[]> tensors, LabelSet labels, string hash, string? note = null)
    {
        Name = name;
        Config = config;
        Labels = labels;
        Hash = hash;
        Note = note;
        _tensors = tensors.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>Loads a directory in Hugging Face layout: <c>config.json</c>, <c>model.safetensors</c> (or shards with their index),
    /// optionally <c>preprocessor_config.json</c> and <c>offered_labels.json</c>. Takes seconds of processor time for a large
    /// model.</summary>
    /// <exception cref="ModelLoadException">The directory cannot be used; the message lists every problem.</exception>
    public static DassModel Load(string directory) =>
        ModelFiles.Load(directory, Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory))));

    /// <summary>Loads the model that comes with the program.</summary>
    public static DassModel LoadBuiltIn() => ModelFiles.Load(Path.Combine(AppContext.BaseDirectory, "models", BuiltInName), BuiltInName);

    /// <summary>Name of the model that comes with the program.</summary>
    public const string BuiltInName = "built-in";

    /// <summary>What people call it: the name of its directory, or <c>built-in</c>.</summary>
    public string Name { get; }

    public DassConfig Config { get; }

    public LabelSet Labels { get; }

    /// <summary>
    /// Lower-case hexadecimal SHA-256 over configuration and weights: equal hashes mean exchangeable states, and equal outputs where
    /// they are computed with the same precision.
    /// </summary>
    public string Hash { get; }

    /// <summary>Whether its products are computed in bytes.</summary>
    public bool IsQuantized { get; }

    /// <summary>What a user must know of the weights, or null.</summary>
    public string? Note { get; }

    /// <summary>Values of all tensors, e.g. 29,884,463 for DASS-small.</summary>
    public long ParameterCount => _tensors.Values.Sum(tensor => (long)tensor.Length);

    /// <summary>
    /// The same weights, whose products are computed in bytes. Its outputs are others, so its hash is another: a stream changes precision
    /// only where its client asks for another model.
    /// </summary>
    public DassModel Quantized() => new(this);

    /// <summary>A tensor by its published name (e.g. <c>dass.layers.0.blocks.0.op.in_proj.weight</c>), row-major.</summary>
    /// <exception cref="KeyNotFoundException">No such tensor; loading has checked that all exist, so this is a defect.</exception>
    public ReadOnlySpan<float> Tensor(string name) => _tensors[name];
}
