using System.Text;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Tests.Model;

/// <summary>
/// Checkpoints whose every value is a function of the tensor's name, as the reference outputs in <c>fixtures/golden</c> were computed with.
/// </summary>
internal static class GoldenWeights
{
    private static readonly Lazy<DassModel> TinyModel = new(() => Create([16, 32, 64, 128], [1, 1, 2, 1], 527));

    public static DassModel Tiny => TinyModel.Value;

    /// <summary>Not kept: 120 MB.</summary>
    public static DassModel Small() => Create([96, 192, 384, 768], [2, 2, 8, 2], 527);

    /// <summary>Not kept: 195 MB.</summary>
    public static DassModel Medium() => Create([96, 192, 384, 768], [2, 2, 20, 2], 527);

    public static DassModel Create(int[] dims, int[] depths, int labels)
    {
        var config = new DassConfig { Dims = [.. dims], Depths = [.. depths], LabelCount = labels };
        var tensors = TensorNames.For(config).ToDictionary(tensor => tensor.Name, tensor => Values(tensor.Name, [.. tensor.Shape]));
        return new DassModel("golden", config, tensors, new LabelSet([]), $"{string.Join('-', dims)};{string.Join('-', depths)}");
    }

    public static float[] Values(string name, int[] shape)
    {
        var values = new float[shape.Aggregate(1, (product, n) => product * n)];
        var seed = Fnv1a("golden/" + name);
        var law = Law(name, scale: Math.Sqrt(3.0 * shape[0] / values.Length)); // √(3 / fan-in)
        for (var i = 0; i < values.Length; i++)
        {
            var u = (Mix(seed + (ulong)(i + 1) * 0x9E3779B97F4A7C15) >> 40) / (double)(1 << 23) - 1;
            values[i] = (float)law(u);
        }
        return values;
    }

    /// <summary>How the values of a tensor follow from numbers of -1 to 1.</summary>
    private static Func<double, double> Law(string name, double scale)
    {
        bool Ends(string end) => name.EndsWith(end, StringComparison.Ordinal);
        bool Has(string part) => name.Contains(part, StringComparison.Ordinal);
        if (Ends("dt_projs_bias"))
        {
            return u =>
            {
                var dt = Math.Exp((u + 1) / 2 * (Math.Log(0.1) - Math.Log(0.001)) + Math.Log(0.001));
                return dt + Math.Log(1 - Math.Exp(-dt));
            };
        }
        var middle = Ends("weight") ? 1 : 0;
        return Ends("A_logs") ? u => 0.5 * u
            : Ends("Ds") ? u => 1 + 0.5 * u
            : Has("norm") || Has("projection.1.") || Has("projection.4.") ? u => middle + 0.2 * u
            : Ends("bias") ? u => 0.1 * u
            : u => u * scale;
    }

    private static ulong Fnv1a(string text)
    {
        var hash = 14695981039346656037;
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            hash = (hash ^ b) * 1099511628211;
        }
        return hash;
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
