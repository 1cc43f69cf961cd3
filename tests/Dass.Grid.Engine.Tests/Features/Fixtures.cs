using System.Runtime.InteropServices;
using System.Text.Json;

namespace Dass.Grid.Engine.Tests.Features;

/// <summary>The golden files beside the tests.</summary>
internal static class Fixtures
{
    public static string Path(string name) => System.IO.Path.Combine(AppContext.BaseDirectory, "fixtures", name);

    /// <summary>The PCM16 data of babble.wav (240,960 samples), without its header.</summary>
    public static byte[] BabblePcm16 { get; } = File.ReadAllBytes(Path("babble.wav"))[44..];

    public static float[] Babble { get; } = [.. MemoryMarshal.Cast<byte, short>(BabblePcm16).ToArray().Select(sample => sample / 32768f)];

    /// <summary>One F32 tensor of a golden safetensors file.</summary>
    public static float[] Tensor(string file, string name) => Tensors(file)[name];

    /// <summary>Every F32 tensor of a golden safetensors file.</summary>
    public static Dictionary<string, float[]> Tensors(string file)
    {
        var bytes = File.ReadAllBytes(Path("golden/" + file));
        var headerLength = (int)BitConverter.ToInt64(bytes);
        using var header = JsonDocument.Parse(bytes.AsMemory(8, headerLength));
        return header.RootElement.EnumerateObject().Where(entry => entry.Name != "__metadata__").ToDictionary(
            entry => entry.Name,
            entry =>
            {
                var offsets = entry.Value.GetProperty("data_offsets");
                int begin = offsets[0].GetInt32(), end = offsets[1].GetInt32();
                return MemoryMarshal.Cast<byte, float>(bytes.AsSpan(8 + headerLength + begin, end - begin)).ToArray();
            });
    }
}
