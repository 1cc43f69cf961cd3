using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Host;

namespace Dass.Grid.Cluster.Tests.Cli;

/// <summary>Model directories of any name in a grid inside the process.</summary>
public sealed class EmbeddedModelTests
{
    [Theory]
    [InlineData("/models/tiny", "tiny")]
    [InlineData("/models/tiny/", "tiny")]
    [InlineData("/models/my model (v2)", "my_model__v2_")]
    [InlineData("/models/Grid:Vögel", "Grid_V_gel")]
    [InlineData("/", "model")]
    public void A_model_is_named_by_its_directory(string directory, string name)
    {
        Assert.Equal(name, EmbeddedGrid.ModelName(directory));
        Assert.Equal(128, EmbeddedGrid.ModelName("/models/" + new string('x', 200)).Length);
    }

    [Fact]
    public async Task A_directory_whose_name_is_no_models_name_is_served()
    {
        var folder = Directory.CreateTempSubdirectory("dass model, ");
        try
        {
            foreach (var file in Directory.GetFiles(TestGrid.TinyModel))
            {
                File.Copy(file, Path.Combine(folder.FullName, Path.GetFileName(file)));
            }
            var result = await Dass.RunAsync("stream", Dass.Babble, "--model", folder.FullName);
            Assert.True(result.ExitCode == 0, result.Errors);
            Assert.Contains(", model dass_model__", result.Lines[0], StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
