using System.Text.Json;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>The tiny model with a file that says which labels it offers: every second one, and every eighth is background.</summary>
internal sealed class OfferedModel : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("dass-offered-");

    public OfferedModel()
    {
        foreach (var file in (string[])["config.json", "model.safetensors"])
        {
            File.Copy(Path.Combine(TestGrid.TinyModel, file), Path.Combine(Folder, file));
        }
        File.WriteAllText(Path.Combine(Folder, "offered_labels.json"), JsonSerializer.Serialize(
            AudioSetLabels.All.All.Where(label => IsOffered(label.Index)).Select(label => new
            {
                label = label.Name, evidence = "agreement", auc = 0.95, clips = 5 + label.Index, background = IsBackground(label.Index),
            })));
    }

    public string Folder => _folder.FullName;

    public static bool IsOffered(int label) => label % 2 == 0;

    public static bool IsBackground(int label) => label % 8 == 0;

    public static bool OpensEvents(int label) => IsOffered(label) && !IsBackground(label);

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>A grid whose model "tiny" is this one.</summary>
    public async Task<TestGrid> StartAsync(Dictionary<string, string?>? settings = null)
    {
        settings ??= [];
        settings["Grid:Models:tiny:ModelDirectory"] = Folder;
        settings["Grid:Models:tiny:Threads"] = "1";
        return new TestGrid(await Dass.Grid.Host.EmbeddedGrid.StartAsync(settings, configure: null));
    }
}
