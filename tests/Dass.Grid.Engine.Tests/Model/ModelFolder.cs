using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Tests.Model;

/// <summary>A model directory in the temporary folder, written by hand.</summary>
internal sealed class ModelFolder : IDisposable
{
    public static readonly Dictionary<string, object> Config = new()
    {
        ["model_type"] = "dass",
        ["embed_dim"] = 16,
        ["dims"] = new[] { 16, 32, 64, 128 },
        ["depths"] = new[] { 1, 1, 2, 1 },
        ["num_classes"] = 527,
    };

    public string Path { get; } = Directory.CreateTempSubdirectory("dass-model-").FullName;

    public static Dictionary<string, Tensor> Tensors() => TensorNames.For(GoldenWeights.Tiny.Config)
        .ToDictionary(
            tensor => tensor.Name, tensor => new Tensor("F32", [.. tensor.Shape], GoldenWeights.Tiny.Tensor(tensor.Name).ToArray()));

    public static ModelFolder Golden() => new ModelFolder().With(Config).With("model.safetensors", Safetensors(Tensors()));

    public ModelFolder With(Dictionary<string, object> config, string file = "config.json") =>
        With(file, JsonSerializer.SerializeToUtf8Bytes(config));

    public ModelFolder With(string file, byte[] content)
    {
        System.IO.File.WriteAllBytes(System.IO.Path.Combine(Path, file), content);
        return this;
    }

    public DassModel Load() => DassModel.Load(Path);

    public string LoadError() => Assert.Throws<ModelLoadException>(Load).Message;

    public static byte[] Safetensors(IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        var (header, data) = (new Dictionary<string, object> { ["__metadata__"] = new { format = "pt" } }, new MemoryStream());
        foreach (var (name, tensor) in tensors)
        {
            var begin = data.Length;
            data.Write(tensor.Bytes());
            header.Add(name, new { dtype = tensor.Type, shape = tensor.Shape, data_offsets = new[] { begin, data.Length } });
        }
        return Raw(JsonSerializer.Serialize(header), data.ToArray());
    }

    public static byte[] Raw(string header, byte[] data) =>
        [.. BitConverter.GetBytes((long)Encoding.UTF8.GetByteCount(header)), .. Encoding.UTF8.GetBytes(header), .. data];

    public void Dispose() => Directory.Delete(Path, recursive: true);

    public sealed record Tensor(string Type, int[] Shape, float[] Values)
    {
        public byte[] Bytes() => Type switch
        {
            "F16" => [.. Values.SelectMany(value => BitConverter.GetBytes((Half)value))],
            "BF16" => [.. Values.SelectMany(value => BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(value) >> 16)))],
            _ => MemoryMarshal.AsBytes(Values.AsSpan()).ToArray(),
        };
    }
}
