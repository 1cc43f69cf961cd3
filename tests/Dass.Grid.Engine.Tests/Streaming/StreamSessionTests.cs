using System.Runtime.InteropServices;
using CsCheck;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Engine.Tests.Features;

namespace Dass.Grid.Engine.Tests.Streaming;

public sealed class StreamSessionTests(EngineFixture fixture) : IClassFixture<EngineFixture>
{
    private const int SamplesOf1000Frames = 999 * 160 + 400;

    [Theory]
    [InlineData(96, 64, 11)]
    [InlineData(96, 32, 11)]
    [InlineData(32, 0, 32)]
    [InlineData(320, 128, 4)]
    [InlineData(64, 1024, 16)]
    public async Task A_stream_equals_the_golden_stream(int chunk, int lookAhead, int chunks)
    {
        var (tags, summary) =
            await fixture.TagAsync(EngineFixture.Babble(0, SamplesOf1000Frames), EngineFixture.Options(chunk, lookAhead), 12_345, 50_000);
        Assert.Equal(chunks, tags.Count);
        AssertScores(Fixtures.Tensor("tiny/golden.safetensors", $"stream.{chunk}.{lookAhead}.logits"), summary.Mean);

        var pooled = Fixtures.Tensor("tiny/golden.safetensors", $"stream.{chunk}.{lookAhead}.pooled");
        var expected = new float[527];
        foreach (var tag in tags)
        {
            fixture.Engine.Head.Score(pooled.AsSpan((int)tag.Index * 128, 128), expected);
            Assert.All(expected.Zip(tag.Scores), pair => Assert.Equal(pair.First, pair.Second, 5e-5f));
        }
    }

    [Fact]
    public async Task An_offline_stream_equals_the_golden_model()
    {
        var (tags, summary) =
            await fixture.TagAsync(EngineFixture.Babble(0, 1023 * 160 + 400), new StreamSessionOptions { Offline = true }, 4_000, 100_000);
        AssertScores(Fixtures.Tensor("tiny/golden.safetensors", "logits.1024"), summary.Mean);
        Assert.Equal(summary.Mean, Assert.Single(tags).Scores);
        Assert.Equal(summary.Max, tags[0].WindowScores);
    }

    [Fact]
    public async Task Tags_do_not_depend_on_how_the_audio_is_cut()
    {
        var audio = EngineFixture.Babble(0, 60_000);
        var options = EngineFixture.Options(64, 30);
        var (whole, _) = await fixture.TagAsync(audio, options);
        await Gen.Int[0, 20_000].Array[1, 20].SampleAsync(
            async cuts => EngineFixture.AssertSame(whole, (await fixture.TagAsync(audio, options, cuts)).Tags), iter: 10, threads: 1);
    }

    [Fact]
    public async Task Chunks_tile_the_audio_and_the_last_ends_with_it()
    {
        var (tags, summary) = await fixture.TagAsync(EngineFixture.Babble(0, 40_000), new StreamSessionOptions());
        Assert.Equal([0, 0.96, 1.92], tags.Select(tag => tag.StartSeconds), (x, y) => Math.Abs(x - y) < 1e-9);
        Assert.Equal([0.96, 1.92, 2.5], tags.Select(tag => tag.EndSeconds), (x, y) => Math.Abs(x - y) < 1e-9);
        Assert.Equal([0, 1, 2], tags.Select(tag => tag.Index));
        Assert.Equal((2.5, 3), (summary.DurationSeconds, summary.Chunks));
    }

    [Theory]
    [InlineData(96, 64)]
    [InlineData(64, 31)]
    [InlineData(64, 30)]
    [InlineData(32, 1)]
    public async Task A_chunk_comes_with_the_push_that_completes_its_look_ahead(int chunk, int lookAhead)
    {
        using var session = fixture.Engine.Open(EngineFixture.Pcm16, EngineFixture.Options(chunk, lookAhead));
        var tags = new List<ChunkScores>();
        var needed = (chunk + lookAhead - 1) * 160 + 400; // samples under its frames
        for (var packet = 0; packet < needed - 1; packet += 320)
        {
            await session.PushAsync(EngineFixture.Babble(packet, Math.Min(320, needed - 1 - packet)), tags, default);
        }
        Assert.Empty(tags);
        await session.PushAsync(EngineFixture.Babble(needed - 1, 1), tags, default);
        Assert.Single(tags);
        Assert.Equal(needed, session.AppliedSamples);
        Assert.Equal(chunk / 100.0, session.Summary().DurationSeconds, 1e-9);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(399)]
    public async Task Less_than_one_frame_of_audio_gives_no_chunk_and_an_empty_summary(int samples)
    {
        var (tags, summary) = await fixture.TagAsync(EngineFixture.Babble(0, samples), new StreamSessionOptions());
        Assert.Empty(tags);
        Assert.Equal((0, 0, 0, 0), (summary.DurationSeconds, summary.Chunks, summary.Mean.Length, summary.Max.Length));
    }

    [Fact]
    public async Task One_frame_of_audio_gives_one_chunk()
    {
        var (tags, _) = await fixture.TagAsync(EngineFixture.Babble(0, 400), new StreamSessionOptions());
        Assert.Equal(0.025, Assert.Single(tags).EndSeconds, 1e-9);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(short.MaxValue, short.MaxValue)]
    [InlineData(short.MinValue, short.MaxValue)]
    public async Task Silence_constants_and_clipping_give_finite_scores(short even, short odd)
    {
        var audio = MemoryMarshal.AsBytes<short>(Enumerable.Range(0, 40_000).Select(i => i % 2 == 0 ? even : odd).ToArray()).ToArray();
        var (tags, summary) = await fixture.TagAsync(audio, new StreamSessionOptions());
        Assert.All(
            [.. tags.SelectMany(tag => tag.Scores.Concat(tag.WindowScores)), .. summary.Mean, .. summary.Max],
            score => Assert.InRange(score, 0f, 1f));
    }

    [Fact]
    public async Task An_ended_stream_takes_no_more_audio_and_completing_again_adds_nothing()
    {
        using var session = fixture.Engine.Open(EngineFixture.Pcm16, new StreamSessionOptions());
        var tags = new List<ChunkScores>();
        await session.PushAsync(EngineFixture.Babble(0, 1000), tags, default);
        await session.CompleteAsync(tags, default);
        await session.CompleteAsync(tags, default);
        Assert.Single(tags);
        await Assert.ThrowsAsync<InvalidOperationException>(() => session.PushAsync(EngineFixture.Babble(0, 1), tags, default).AsTask());
    }

    [Fact]
    public async Task A_push_that_is_refused_changes_nothing()
    {
        var audio = EngineFixture.Babble(0, 30_000);
        using var session = fixture.Engine.Open(EngineFixture.Pcm16, new StreamSessionOptions());
        var tags = new List<ChunkScores>();
        await session.PushAsync(audio[..20_000], tags, default);
        await Assert.ThrowsAsync<AudioFormatException>(() => session.PushAsync(audio[..3], tags, default).AsTask());
        Assert.Equal(10_000, session.AppliedSamples);
        await session.PushAsync(audio[20_000..], tags, default);
        await session.CompleteAsync(tags, default);
        EngineFixture.AssertSame((await fixture.TagAsync(audio, new StreamSessionOptions())).Tags, tags);
    }

    [Fact]
    public async Task Offline_audio_is_bounded()
    {
        await using var engine = new StreamEngine(
            new GatedModel(),
            new EngineOptions { MaxStreams = 1, Threads = 1, MaxOfflineAudio = TimeSpan.FromSeconds(1), Batcher = { MaxBatch = 1 } },
            warmUp: false);
        using var session = engine.Open(EngineFixture.Pcm16, new StreamSessionOptions { Offline = true });
        await session.PushAsync(EngineFixture.Babble(0, 16_000), [], default);
        var error = await Assert.ThrowsAsync<AudioFormatException>(
            () => session.PushAsync(EngineFixture.Babble(0, 1), [], default).AsTask());
        Assert.Contains("MaxOfflineAudio", error.Message);
        Assert.Equal(16_000, session.AppliedSamples);
    }

    [Fact]
    public async Task Interleaved_streams_do_not_influence_each_other()
    {
        var options = EngineFixture.Options(64, 32);
        var starts = new[] { 0, 70_000, 140_000 };
        var sessions = starts.Select(_ => fixture.Engine.Open(EngineFixture.Pcm16, options)).ToArray();
        var tags = starts.Select(_ => new List<ChunkScores>()).ToArray();
        for (var at = 0; at < 60_000; at += 7_500)
        {
            await Task.WhenAll(sessions.Select(
                (session, i) => session.PushAsync(EngineFixture.Babble(starts[i] + at, 7_500), tags[i], default).AsTask()));
        }
        for (var i = 0; i < starts.Length; i++)
        {
            await sessions[i].CompleteAsync(tags[i], default);
            sessions[i].Dispose();
            EngineFixture.AssertSame((await fixture.TagAsync(EngineFixture.Babble(starts[i], 60_000), options)).Tags, tags[i]);
        }
    }

    private static void AssertScores(float[] expectedLogits, float[] scores)
    {
        var tolerance = 0.25 * 1e-4 * expectedLogits.Max(Math.Abs); // the slope of the sigmoid is at most 1/4
        Assert.Equal(expectedLogits.Length, scores.Length);
        Assert.All(expectedLogits.Zip(scores), pair => Assert.Equal(1 / (1 + Math.Exp(-pair.First)), pair.Second, tolerance));
    }
}
