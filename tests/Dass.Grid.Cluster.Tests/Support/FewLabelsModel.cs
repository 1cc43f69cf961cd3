using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>The tiny model with its first labels alone.</summary>
internal sealed class FewLabelsModel : IDisposable
{
    public const int Labels = 22;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("dass-few-");

    public FewLabelsModel()
    {
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(TestGrid.TinyModel, "config.json")))!.AsObject();
        config["num_classes"] = Labels;
        config["id2label"] = new JsonObject(
            AudioSetLabels.All.All.Take(Labels).Select(label => KeyValuePair.Create($"{label.Index}", (JsonNode?)label.Name)));
        File.WriteAllText(Path.Combine(Folder, "config.json"), config.ToJsonString());

        var bytes = File.ReadAllBytes(Path.Combine(TestGrid.TinyModel, "model.safetensors"));
        var headerBytes = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        var header = JsonNode.Parse(bytes.AsSpan(sizeof(long), headerBytes))!.AsObject();
        var (data, cut) = (bytes.AsMemory(sizeof(long) + headerBytes), new MemoryStream());
        foreach (var (name, tensor) in header.Where(entry => entry.Key != "__metadata__"))
        {
            var (offsets, shape) = (tensor!["data_offsets"]!, tensor["shape"]!.AsArray());
            var values = data[(int)offsets[0]!..(int)offsets[1]!];
            if (name.StartsWith("head.", StringComparison.Ordinal))
            {
                values = values[..(values.Length / (int)shape[0]! * Labels)];
                shape[0] = Labels;
            }
            (offsets[0], offsets[1]) = (cut.Length, cut.Length + values.Length);
            cut.Write(values.Span);
        }
        var text = Encoding.UTF8.GetBytes(header.ToJsonString());
        File.WriteAllBytes(
            Path.Combine(Folder, "model.safetensors"), [.. BitConverter.GetBytes((long)text.Length), .. text, .. cut.ToArray()]);
    }

    public string Folder => _folder.FullName;

    public void Dispose() => _folder.Delete(recursive: true);
}
