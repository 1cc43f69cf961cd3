using System.Runtime.InteropServices;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Engine.Tests.Features;
using Dass.Grid.Engine.Tests.Model;
using Dass.Grid.Evaluation;
using Dass.Grid.Evaluation.Niah;

namespace Dass.Grid.Engine.Tests.Evaluation;

public sealed class NeedleRunTests
{
    private const int ChunkSamples = 15_360;
    private static readonly AudioFormat Format = new(SampleEncoding.Float32, 16_000, 1);

    [Theory]
    [InlineData("zeros", 0, true)]
    [InlineData("zeros", 24, true)]
    [InlineData("tiles", 0, true)]
    [InlineData("tiles", 10, true)]
    [InlineData("noise", 0, false)]
    [InlineData("noise", 11, false)]
    public async Task What_is_shared_or_skipped_changes_no_score_and_no_count(string kind, int forgetAfter, bool skips)
    {
        using var folder = ForgetsSoon();
        await using var engine = await StreamedInference.StartAsync(folder.Path, StepPrecision.Fp32, default);
        var (tile, needle) = (new float[5 * ChunkSamples / 2], new float[NiahTest.NeedleSamples]);
        HaystackNoise.WhiteNoise(5).Read(0, tile);
        var noise = kind == "zeros" ? HaystackNoise.Silence : kind == "tiles" ? HaystackNoise.Tiled(tile) : HaystackNoise.WhiteNoise(6);
        Needle[] needles = [.. Enumerable.Range(0, 2).Select(i =>
        {
            HaystackNoise.WhiteNoise(i).Read(0, needle);
            return new Needle(i, [.. needle], i + 1, noise, new HashSet<int>());
        })];
        var session = new StreamSessionOptions();
        int[] labels = [.. Enumerable.Range(0, engine.Model.Labels.Count)];
        var reset = forgetAfter == 0 ? default(TimeSpan?) : forgetAfter * session.Chunk;
        var seconds = skips ? 150 : 50;
        var cell = new Cell(10, reset, seconds, seconds * 16_000 + 77, [0, 0.4, 1]);
        var moved = 0L;

        using var run = new NiahRun(engine, session, labels, 0.5f, samples => Interlocked.Add(ref moved, samples), default);
        var verdicts = await run.RunAsync(needles, cell);

        Assert.Equal(needles.Length * cell.Positions.Count * cell.Samples, moved);
        Assert.Equal(skips, verdicts.SelectMany(of => of).Any(verdict => verdict.SkippedSamples > 0));
        for (var position = 0; position < cell.Positions.Count; position++)
        {
            foreach (var one in needles)
            {
                var audio = new Haystack(
                    one.Samples, noise, Haystack.Gain(noise, one.Rms, cell.SnrDb), cell.Samples, cell.Positions[position]);
                var (scores, alarms) = await PlainAsync(engine, audio, forgetAfter, labels);
                var verdict = verdicts[position][one.Index];
                Assert.Equal(scores[1], verdict.Scores[1]);
                Assert.Equal(scores[2], verdict.Scores[2]);
                Assert.All(scores[0].Zip(verdict.Scores[0]), mean => Assert.Equal(mean.First, mean.Second, 1e-6f));
                Assert.Equal(alarms, verdict.Alarms.Count(one.Labels));
            }
        }
    }

    [Fact]
    public async Task A_reset_makes_the_next_chunk_a_new_streams_and_windows_go_on()
    {
        await using var engine = await StreamedInference.StartAsync(Fixtures.Path("golden/tiny"), StepPrecision.Fp32, default);
        var audio = new float[30 * ChunkSamples];
        HaystackNoise.WhiteNoise(1).Read(0, audio);
        var reset = await ChunksAsync(engine, audio, forgetAfter: 11);
        var carried = await ChunksAsync(engine, audio, forgetAfter: 0);
        var fresh = await ChunksAsync(engine, audio[(11 * ChunkSamples)..], forgetAfter: 0);
        for (var chunk = 0; chunk < 22; chunk++)
        {
            Assert.Equal((chunk < 11 ? carried[chunk] : fresh[chunk - 11]).Scores, reset[chunk].Scores);
        }
        Assert.NotEqual(carried[11].Scores, reset[11].Scores);
        Assert.NotEqual(fresh[0].WindowScores, reset[11].WindowScores); // ten chunks of before are in it
        Assert.Equal(carried.Select(chunk => chunk.EndSeconds), reset.Select(chunk => chunk.EndSeconds));
    }

    [Fact]
    public async Task Contrast_counts_windows_of_the_models_own_length()
    {
        using var folder = ModelFolder.Golden().With(new(ModelFolder.Config) { ["max_length"] = 320 });
        await using var engine = await StreamedInference.StartAsync(folder.Path, StepPrecision.Fp32, default);
        var (needle, samples) = (new float[16_000], new float[8 * 16_000]);
        HaystackNoise.WhiteNoise(1).Read(0, needle);
        var audio = new Haystack(needle, HaystackNoise.WhiteNoise(2), 1, samples.Length, 0.5);
        audio.Read(0, samples);
        using var run = new NeedleRun(engine, new StreamSessionOptions(), forgetAfter: 0, new FalseAlarms([], 0.5f));
        await run.AdvanceAsync(audio, samples.Length, _ => { }, default);
        var contrast = (await run.FinishAsync(audio, default)).Scores[2];

        var chunks = await ChunksAsync(engine, samples, forgetAfter: 0);
        float[] Contrast(double windowSeconds)
        {
            var aggregates = new Aggregates(engine.Model.Labels.Count, windowSeconds);
            chunks.ForEach(aggregates.Add);
            return aggregates.Finish(new StreamSummary(8, chunks.Count, [], []))[2];
        }
        Assert.Equal(Contrast(3.2), contrast);
        Assert.NotEqual(Contrast(10.24), contrast);
    }

    /// <summary>Its states decay so fast that they are in a cycle, to the bit, within seconds instead of hours.</summary>
    private static ModelFolder ForgetsSoon()
    {
        var tensors = ModelFolder.Tensors();
        foreach (var name in tensors.Keys.Where(name => name.EndsWith("A_logs", StringComparison.Ordinal)))
        {
            tensors[name] = tensors[name] with { Values = [.. tensors[name].Values.Select(x => x + 6)] };
        }
        return ModelFolder.Golden().With("model.safetensors", ModelFolder.Safetensors(tensors));
    }

    /// <summary>Everything is run, in pieces that no chunk ends with.</summary>
    private static async Task<(float[][] Scores, long Alarms)> PlainAsync(
        StreamEngine engine, Haystack audio, int forgetAfter, int[] labels)
    {
        using var session = engine.Open(Format, new StreamSessionOptions());
        session.ForgetAfter = forgetAfter;
        var (aggregates, alarms, chunks) =
            (new Aggregates(engine.Model.Labels.Count, engine.Model.Config.Window.TotalSeconds), new FalseAlarms(labels, 0.5f),
                new List<ChunkScores>());
        var piece = new float[100_001];
        for (var at = 0L; at < audio.Length; at += piece.Length)
        {
            var part = piece.AsMemory(0, (int)Math.Min(piece.Length, audio.Length - at));
            audio.Read(at, part.Span);
            await session.PushAsync(MemoryMarshal.AsBytes(part.Span).ToArray(), chunks, default);
        }
        await session.CompleteAsync(chunks, default);
        foreach (var chunk in chunks)
        {
            aggregates.Add(chunk);
            alarms.Add(chunk, chunk.EndSeconds <= audio.Begin / 16_000.0 - 1 || chunk.StartSeconds >= audio.End / 16_000.0 + 1);
        }
        return (aggregates.Finish(session.Summary()), alarms.Count(new HashSet<int>()));
    }

    private static async Task<List<ChunkScores>> ChunksAsync(StreamEngine engine, float[] audio, int forgetAfter)
    {
        using var session = engine.Open(Format, new StreamSessionOptions());
        session.ForgetAfter = forgetAfter;
        var chunks = new List<ChunkScores>();
        await session.PushAsync(MemoryMarshal.AsBytes(audio.AsSpan()).ToArray(), chunks, default);
        await session.CompleteAsync(chunks, default);
        return chunks;
    }
}
