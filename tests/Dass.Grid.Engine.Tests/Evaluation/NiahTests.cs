using System.Runtime.InteropServices;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Engine.Tests.Features;
using Dass.Grid.Evaluation;
using Dass.Grid.Evaluation.Data;
using Dass.Grid.Evaluation.Niah;

namespace Dass.Grid.Engine.Tests.Evaluation;

public sealed class NiahTests
{
    private static readonly float[] Needle = [.. Enumerable.Range(0, 8_000).Select(i => 0.5f * MathF.Sin(i * 0.1f))];

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.5, 50_000)]
    [InlineData(1, 92_000)] // the whole needle is in
    public async Task The_needle_is_whole_and_untouched_at_its_place(double position, int begin)
    {
        var audio = await ReadAsync(new Haystack(Needle, Haystack.WhiteNoise(1), Haystack.Rms(Needle), snrDb: 10, length: 100_000, position), 4096);
        Assert.Equal(100_000, audio.Length);
        Assert.Equal(Needle, audio[begin..(begin + Needle.Length)]);
        float[] hay = [.. audio[..begin], .. audio[(begin + Needle.Length)..]];
        Assert.Equal(Haystack.Rms(Needle) / Math.Sqrt(10), Haystack.Rms(hay), 0.02 * Haystack.Rms(Needle));
    }

    [Fact]
    public async Task The_haystack_does_not_depend_on_how_it_is_read()
    {
        Haystack Make() => new(Needle, [0.1f, -0.2f, 0.3f], 1, 0, 30_000, 0.3);
        Assert.Equal(await ReadAsync(Make(), 40_000), await ReadAsync(Make(), 1_236));
        var silent = await ReadAsync(new Haystack(Needle, [], 1, 0, 30_000, 0), 4096);
        Assert.All(silent[Needle.Length..], sample => Assert.Equal(0, sample));
    }

    [Fact]
    public void Contrast_is_the_height_of_the_highest_full_window_above_the_median()
    {
        var aggregates = new Aggregates(2);
        var end = 9;
        foreach (var (one, other) in ((float, float)[])[(0.99f, 0.99f), (0.99f, 0.99f), (0.5f, 0.9f), (0.5f, 0.9f), (0.9f, 0.9f)])
        {
            aggregates.Add(new TagChunk(0, 0, end++, [one, other], [one, other])); // the first two are not full yet, the third is
        }
        var scores = aggregates.Finish(new StreamSummary(3, 3, [0.6f, 0.9f], [0.9f, 0.9f]));
        Assert.Equal([0.6f, 0.9f], scores[0]);
        Assert.Equal([0.9f, 0.9f], scores[1]);
        Assert.Equal(MathF.Log(9), scores[2][0], 0.07f); // half a step of the histogram
        Assert.Equal(MathF.Log(9) / 3, scores[2][1], 0.07f);
    }

    [Fact]
    public async Task Every_length_position_and_method_has_its_row()
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            File.Copy(Fixtures.Path("babble.wav"), Path.Combine(folder.FullName, "speech.wav"));
            File.WriteAllBytes(Path.Combine(folder.FullName, "tone.wav"), Wav(Needle));
            var csv = Path.Combine(folder.FullName, "data.csv");
            File.WriteAllText(csv, "file,labels\nspeech.wav,Speech\ntone.wav,Sine wave\n");
            await using var engine = await Listening.StartAsync(Fixtures.Path("golden/tiny"), default);
            var options = new NiahOptions([TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(25)], HaystackKind.White, 10, [0, 1], []);
            var rows = new List<NiahRow>();
            await foreach (var row in NiahTest.RunAsync(engine, EvaluationSet.Read(csv, engine.Model.Labels, []), options, new StreamSessionOptions(), null, default))
            {
                rows.Add(row);
            }
            Assert.Equal(3 + 2 * 3, rows.Count);
            Assert.All(rows.Take(3), row => Assert.Equal((10.0, 0.0, 1.0), (row.LengthSeconds, row.Position, row.Retention)));
            Assert.Equal(["mean", "max-window", "contrast"], rows.Take(3).Select(row => row.Method));
            Assert.Equal([0.0, 1.0], rows.Skip(3).Select(row => row.Position).Distinct());
            Assert.All(rows, row => Assert.Equal(row.Map / rows.First(alone => alone.Method == row.Method).Map, row.Retention, 1e-12));
            Assert.All(rows, row => Assert.InRange(row.Map, 0.5, 1)); // two files: the worse order of one is a half

            var picture = Path.Combine(folder.FullName, "niah.png");
            Plots.Save(rows, picture);
            Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(picture)[..4]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<float[]> ReadAsync(Haystack source, int bytes)
    {
        var (audio, piece) = (new List<float>(), new byte[bytes]);
        int read;
        while ((read = await source.ReadAsync(piece, default)) > 0)
        {
            audio.AddRange(MemoryMarshal.Cast<byte, float>(piece.AsSpan(0, read)));
        }
        return [.. audio];
    }

    private static byte[] Wav(float[] samples)
    {
        using var file = new MemoryStream();
        using var to = new BinaryWriter(file);
        to.Write("RIFF"u8);
        to.Write(36 + 4 * samples.Length);
        to.Write("WAVEfmt "u8);
        to.Write(16);
        to.Write((short)3); // float
        to.Write((short)1);
        to.Write(16_000);
        to.Write(64_000);
        to.Write((short)4);
        to.Write((short)32);
        to.Write("data"u8);
        to.Write(4 * samples.Length);
        to.Write(MemoryMarshal.AsBytes<float>(samples));
        return file.ToArray();
    }
}
