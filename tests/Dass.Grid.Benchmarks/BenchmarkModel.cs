using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Benchmarks;

/// <summary>A network with random weights, as a checkpoint on disk: speed does not depend on the values.</summary>
internal sealed class BenchmarkModel : IDisposable
{
    private static readonly DassConfig Small = new() { Dims = [96, 192, 384, 768], Depths = [2, 2, 8, 2], LabelCount = 527 };

    /// <param name="config">Default: DASS-small.</param>
    public BenchmarkModel(DassConfig? config = null)
    {
        config ??= Small;
        var tensors = TensorNames.For(config)
            .Select(tensor => (tensor.Name, tensor.Shape, Values: Values(tensor.Name, [.. tensor.Shape])))
            .ToArray();
        var offset = 0;
        var header = new Dictionary<string, object>();
        foreach (var (name, shape, values) in tensors)
        {
            header.Add(name, new { dtype = "F32", shape, data_offsets = new[] { offset, offset + 4 * values.Length } });
            offset += 4 * values.Length;
        }
        File.WriteAllText(
            Path.Combine(Folder, "config.json"),
            JsonSerializer.Serialize(
                new { model_type = "dass", dims = config.Dims, depths = config.Depths, num_classes = config.LabelCount }));
        using var file = new BinaryWriter(File.Create(Path.Combine(Folder, "model.safetensors")));
        var json = Encoding.UTF8.GetBytes(JsonSerializer.Serialize(header));
        file.Write((long)json.Length);
        file.Write(json);
        foreach (var (_, _, values) in tensors)
        {
            file.Write(MemoryMarshal.AsBytes(values.AsSpan()));
        }
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("dass-small-").FullName;

    public DassModel Load() => DassModel.Load(Folder);

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    /// <summary>Uniform values of the size that keeps activations near 1.</summary>
    private static float[] Values(string name, int[] shape)
    {
        var random = new Random(name.Length);
        var values = new float[shape.Aggregate(1, (product, n) => product * n)];
        var (centre, spread) = name.EndsWith("dt_projs_bias", StringComparison.Ordinal) ? (-4f, 2f)
            : name == "head.bias" ? (-4f, 0.1f) // few labels are heard at a time, as in recordings
            : name.Contains("norm", StringComparison.Ordinal) || name.EndsWith("Ds", StringComparison.Ordinal) ? (1f, 0.2f)
            : (0f, shape.Length == 1 ? 0.1f : MathF.Sqrt(3f * shape[0] / values.Length));
        foreach (ref var value in values.AsSpan())
        {
            value = centre + spread * (2 * random.NextSingle() - 1);
        }
        return values;
    }
}
