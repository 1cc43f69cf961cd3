using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>The tiny model with another head: the same recurrence, other scores.</summary>
internal sealed class SiblingModel : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("dass-sibling-");

    public SiblingModel()
    {
        File.Copy(Path.Combine(TestGrid.TinyModel, "config.json"), Path.Combine(Folder, "config.json"));
        var bytes = File.ReadAllBytes(Path.Combine(TestGrid.TinyModel, "model.safetensors"));
        var headerBytes = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        using var header = JsonDocument.Parse(bytes.AsMemory(sizeof(long), headerBytes));
        var head = header.RootElement.EnumerateObject().Single(tensor => tensor.Name.EndsWith("head.weight", StringComparison.Ordinal));
        var offsets = head.Value.GetProperty("data_offsets");
        var values = MemoryMarshal.Cast<byte, float>(
            bytes.AsSpan(sizeof(long) + headerBytes)[offsets[0].GetInt32()..offsets[1].GetInt32()]);
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = -values[i];
        }
        File.WriteAllBytes(Path.Combine(Folder, "model.safetensors"), bytes);
    }

    public string Folder => _folder.FullName;

    public void Dispose() => _folder.Delete(recursive: true);
}
