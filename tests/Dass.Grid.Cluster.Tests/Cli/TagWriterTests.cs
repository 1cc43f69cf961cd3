using Dass.Grid.Cluster.Tests.Support;

namespace Dass.Grid.Cluster.Tests.Cli;

public sealed class TagWriterTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("dass-writer-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Names_with_commas_and_blanks_stay_one_field()
    {
        var model = Directory.CreateDirectory(Path.Combine(_folder, "tiny, of March")).FullName;
        foreach (var file in Directory.GetFiles(TestGrid.TinyModel))
        {
            File.Copy(file, Path.Combine(model, Path.GetFileName(file)));
        }
        var recording = Path.Combine(_folder, "my\u00a0yard\u2003by\tnight.wav");
        File.Copy(Dass.Babble, recording);
        async Task<string> LastAsync(string format)
        {
            var result = await Dass.RunAsync("tag", recording, "--model", model, "--events", "--format", format);
            Assert.True(result.ExitCode == 0, result.Errors);
            return result.Lines[^1];
        }
        Assert.Contains(",\"tiny, of March\",", await LastAsync("csv"), StringComparison.Ordinal);
        var rttm = await LastAsync("rttm");
        Assert.StartsWith($"SPEAKER {_folder}/my_yard_by_night.wav 1 ", rttm, StringComparison.Ordinal);
        Assert.Equal(10, rttm.Split((char[]?)null).Length);
    }
}
