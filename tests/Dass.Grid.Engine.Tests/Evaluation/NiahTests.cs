using System.Runtime.InteropServices;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Engine.Tests.Features;
using Dass.Grid.Evaluation;
using Dass.Grid.Evaluation.Data;
using Dass.Grid.Evaluation.Niah;
using Dass.Grid.Evaluation.Plots;

namespace Dass.Grid.Engine.Tests.Evaluation;

public sealed class NiahTests
{
    private static readonly float[] Needle = [.. Enumerable.Range(0, 8_000).Select(i => 0.5f * MathF.Sin(i * 0.1f))];

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.5, 50_000)]
    [InlineData(1, 92_000)] // the whole needle is in
    public void The_needle_is_whole_and_untouched_at_its_place(double position, int begin)
    {
        var noise = HaystackNoise.WhiteNoise(1);
        var audio = Read(
            new Haystack(Needle, noise, Haystack.Gain(noise, Haystack.Rms(Needle), snrDb: 10), length: 100_000, position), 1_024);
        Assert.Equal(100_000, audio.Length);
        Assert.Equal(Needle, audio[begin..(begin + Needle.Length)]);
        float[] around = [.. audio[..begin], .. audio[(begin + Needle.Length)..]];
        Assert.Equal(Haystack.Rms(Needle) / Math.Sqrt(10), Haystack.Rms(around), 0.02 * Haystack.Rms(Needle));
    }

    [Theory]
    [InlineData("tiles")]
    [InlineData("noise")]
    public void The_haystack_does_not_depend_on_how_it_is_read(string kind)
    {
        var audio = new Haystack(
            Needle, kind == "tiles" ? HaystackNoise.Tiled([0.1f, -0.2f, 0.3f]) : HaystackNoise.WhiteNoise(7), 0.7f, 30_000, 0.3);
        Assert.Equal(Read(audio, 30_000), Read(audio, 309));
        var silent = Read(new Haystack(Needle, HaystackNoise.Silence, 0, 30_000, 0), 1_024);
        Assert.All(silent[Needle.Length..], sample => Assert.Equal(0, sample));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.3)]
    [InlineData(1)]
    public void The_haystack_goes_on_after_the_needle_where_it_stopped(double position)
    {
        var noise = HaystackNoise.Tiled([0.1f, -0.2f, 0.3f, 0.5f, -0.7f]);
        var source = new Haystack(Needle, noise, Haystack.Gain(noise, noise.Rms, 0), 30_001, position); // a gain of one
        var audio = Read(source, 1_024);
        var alone = new float[30_001 - Needle.Length];
        noise.Read(0, alone);
        Assert.Equal([.. alone[..(int)source.Begin], .. Needle, .. alone[(int)source.Begin..]], audio);
    }

    [Fact]
    public void White_noise_is_normal_and_never_the_same_again()
    {
        var (noise, other) = (new float[1_000_000], new float[1_000_000]);
        HaystackNoise.WhiteNoise(1).Read(0, noise);
        Assert.Equal(0, noise.Average(x => (double)x), 0.005);
        Assert.Equal(1, Haystack.Rms(noise), 0.005);
        Assert.Equal(3, noise.Average(x => Math.Pow(x, 4)), 0.03); // the fourth moment of a normal variable
        foreach (var lag in (int[])[1, 2, 3, 16_000])
        {
            Assert.Equal(0, Correlation(noise[lag..], noise[..^lag]), 0.005);
        }
        HaystackNoise.WhiteNoise(1).Read(60 * 16_000, other);
        Assert.Equal(noise[960_000..], other[..40_000]); // a place has one sample, however it is come to
        Assert.Equal(0, Correlation(noise, other), 0.005); // the next minute is another
        HaystackNoise.WhiteNoise(2).Read(0, other);
        Assert.Equal(0, Correlation(noise, other), 0.005);
    }

    [Fact]
    public void Loud_noise_keeps_its_level()
    {
        var noise = HaystackNoise.WhiteNoise(1);
        var audio = Read(
            new Haystack(Needle, noise, Haystack.Gain(noise, Haystack.Rms(Needle), snrDb: -20), length: 200_000, position: 0), 16_384);
        Assert.Equal(10 * Haystack.Rms(Needle), Haystack.Rms(audio[Needle.Length..]), 0.1 * Haystack.Rms(Needle));
        Assert.True(audio.Max() > 10); // beyond full scale, unclipped
    }

    [Fact]
    public void A_silent_recording_is_no_haystack() =>
        Assert.Contains("(4 samples) is silent", Assert.Throws<ArgumentException>(() => HaystackNoise.Tiled(new float[4])).Message);

    [Fact]
    public void Contrast_is_the_height_of_the_highest_full_window_above_the_median()
    {
        var aggregates = new Aggregates(2, windowSeconds: 10.24);
        var end = 9;
        foreach (var (one, other) in ((float, float)[])[(0.99f, 0.99f), (0.99f, 0.99f), (0.5f, 0.9f), (0.5f, 0.9f), (0.9f, 0.9f)])
        {
            aggregates.Add(new ChunkScores(0, 0, end++, [one, other], [one, other])); // the first two are not full yet, the third is
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
            await using var engine = await StreamedInference.StartAsync(Fixtures.Path("golden/tiny"), StepPrecision.Fp32, default);
            var options = new NiahOptions([TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(25)], HaystackKind.White, [10], [0, 1], []);
            var rows = new List<NiahRow>();
            var data = EvaluationSet.Read(csv, engine.Model.Labels, []);
            await foreach (var row in NiahTest.RunAsync(engine, data, options, new StreamSessionOptions(), null, default))
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
            ResultPlots.Save(rows, picture);
            Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(picture)[..4]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Rows_come_before_the_run_is_over_and_leaving_ends_it()
    {
        await using var engine = await StreamedInference.StartAsync(Fixtures.Path("golden/tiny"), StepPrecision.Fp32, default);
        var csv = Path.GetTempFileName();
        try
        {
            File.WriteAllText(csv, $"file,labels\n{Fixtures.Path("babble.wav")},Speech\n");
            var data = EvaluationSet.Read(csv, engine.Model.Labels, []);
            // The day never runs to its end; that the engine can be taken down afterwards is the other half of the test.
            var options = new NiahOptions([TimeSpan.FromSeconds(20), TimeSpan.FromDays(1)], HaystackKind.White, [0, 10], [0.5], []);
            await using var rows = NiahTest.RunAsync(engine, data, options, new StreamSessionOptions(), null, default).GetAsyncEnumerator();
            for (var row = 0; row < 3; row++)
            {
                Assert.True(await rows.MoveNextAsync());
                Assert.Equal((20, 0), (rows.Current.LengthSeconds, rows.Current.SnrDb));
            }
        }
        finally
        {
            File.Delete(csv);
        }
    }

    [Fact]
    public void A_picture_has_a_line_for_each_method_level_and_reset()
    {
        NiahRow Row(string method, double snr, double length, double position, double retention, double? reset = null) =>
            new(length, "white", snr, position, method, 1, retention, 0, reset);
        var lines = ResultPlots.Lines([
            Row("mean", 10, 20, 0, 0.5), Row("mean", 10, 20, 1, 0.7), Row("mean", 10, 40, 0, 0.4), Row("mean", -5, 20, 0, 0.1),
            Row("contrast", 10, 20, 0, 1),
            Row("contrast", 10, 20, 0, 0.9, reset: 60)]);
        Assert.Equal(
            ["mean, 10 dB: 20 60 40 40", "mean, -5 dB: 20 10", "contrast, 10 dB: 20 100", "contrast, 10 dB, reset every 60 s: 20 90"],
            lines.Select(
                line => $"{line.Name}: {string.Join(' ', line.Points.Select(point => $"{point.Seconds:0} {point.Retention:0}"))}"));
    }

    private static double Correlation(float[] one, float[] other) => one.Zip(other).Average(pair => (double)pair.First * pair.Second);

    private static float[] Read(Haystack source, int piece)
    {
        var audio = new float[source.Length];
        for (var at = 0; at < audio.Length; at += piece)
        {
            source.Read(at, audio.AsSpan(at, Math.Min(piece, audio.Length - at)));
        }
        return audio;
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
