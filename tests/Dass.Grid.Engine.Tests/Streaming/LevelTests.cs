using System.Buffers;
using System.Buffers.Binary;
using CsCheck;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Engine.Tests.Streaming;

public sealed class LevelTests(EngineFixture fixture) : IClassFixture<EngineFixture>
{
    private const float Tolerance = 0.02f; // dB

    [Theory]
    [InlineData(16_000, 1)]
    [InlineData(44_100, 2)]
    [InlineData(11_025, 1)]
    [InlineData(8_001, 1)]
    public async Task Each_chunk_has_the_level_of_its_own_time(int rate, int channels)
    {
        // A second at full scale, one at a tenth of it, digital silence.
        double[] amplitudes = [1, 0.1, 0];
        var tags = await TagAsync(
            Pcm16(rate, channels, 2.88, t => amplitudes[Math.Min(2, (int)(t / 0.96))] * Math.Sin(2 * Math.PI * 440 * t)), rate, channels);
        Assert.Equal([-3.01f, -23.01f, AudioLevel.SilenceDbfs], tags.Select(tag => tag.Level!.Value.RmsDbfs), Near);
        Assert.Equal([0, -20, AudioLevel.SilenceDbfs], tags.Select(tag => tag.Level!.Value.PeakDbfs), Near);
        Assert.InRange(tags[0].Level!.Value.ClippedShare, 0, 0.02f);
        Assert.Equal(0, tags[1].Level!.Value.ClippedShare);
    }

    [Fact]
    public async Task A_constant_offset_is_no_sound_and_an_overdriven_sine_is_clipped()
    {
        var offset = Assert.Single(await TagAsync(Pcm16(16_000, 1, 0.9, _ => 0.25), 16_000, 1)).Level!.Value;
        Assert.Equal(AudioLevel.SilenceDbfs, offset.RmsDbfs, 1);
        Assert.Equal(-12.04f, offset.PeakDbfs, Tolerance);

        // A sine of twice full scale lies beyond it for 2/3 of the time: asin(1/2) is a third of a quarter period.
        var overdriven = Pcm16(16_000, 1, 0.96, t => 2 * Math.Sin(2 * Math.PI * 50 * t));
        var clipped = Assert.Single(await TagAsync(overdriven, 16_000, 1)).Level!.Value;
        Assert.InRange(clipped.ClippedShare, 0.65f, 0.68f);
    }

    [Fact]
    public async Task Channels_that_cancel_each_other_are_loud_all_the_same()
    {
        const int Rate = 16_000;
        var audio = new byte[Rate * 4];
        for (var i = 0; i < Rate; i++)
        {
            var sample = (short)(16_384 * Math.Sin(2 * Math.PI * 440 * i / Rate));
            BinaryPrimitives.WriteInt16LittleEndian(audio.AsSpan(4 * i), sample);
            BinaryPrimitives.WriteInt16LittleEndian(audio.AsSpan(4 * i + 2), (short)-sample);
        }
        Assert.Equal(-9.03f, (await TagAsync(audio, Rate, 2))[0].Level!.Value.RmsDbfs, Tolerance);
    }

    [Fact]
    public async Task Levels_and_columns_depend_neither_on_the_cuts_nor_on_a_restore()
    {
        var audio = EngineFixture.Babble(0, 60_000);
        var options = EngineFixture.Options(64, 30);
        var (whole, _) = await fixture.TagAsync(audio, options);
        Assert.All(whole, chunk => Assert.InRange(chunk.Level!.Value.RmsDbfs, -60, -5));
        await Gen.Int[0, 29_000].Array[1, 6].SampleAsync(
            async cuts =>
            {
                var tags = new List<ChunkScores>();
                var session = fixture.Engine.Open(EngineFixture.Pcm16, options);
                var at = 0;
                foreach (var cut in cuts.Order().Append(audio.Length / 2))
                {
                    await session.PushAsync(audio[(2 * at)..(2 * cut)], tags, default);
                    at = cut;
                    var (state, levels) = (new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>());
                    session.Save(state);
                    session.SaveLevels(levels);
                    session.Dispose();
                    session = fixture.Engine.Restore(state.WrittenSpan);
                    session.RestoreLevels(levels.WrittenSpan);
                }
                await session.PushAsync(audio[(2 * at)..], tags, default);
                await session.CompleteAsync(tags, default);
                session.Dispose();
                Assert.Equal(whole.Select(chunk => chunk.Level), tags.Select(chunk => chunk.Level));
                Assert.Equal(whole.Select(chunk => chunk.Spectrogram), tags.Select(chunk => chunk.Spectrogram));
            },
            iter: 10, threads: 1);
    }

    [Fact]
    public async Task Lost_audio_has_no_level_nor_has_audio_that_waited_without_its_levels()
    {
        var tags = new List<ChunkScores>();
        using var session = fixture.Engine.Open(EngineFixture.Pcm16, new StreamSessionOptions());
        await session.PushAsync(silence: 15_360, EngineFixture.Babble(0, 20_000), tags, default);
        Assert.Null(Assert.Single(tags).Level);

        var state = new ArrayBufferWriter<byte>();
        session.Save(state);
        using var restored = fixture.Engine.Restore(state.WrittenSpan);
        await restored.PushAsync(EngineFixture.Babble(20_000, 20_000), tags, default);
        Assert.Equal(2, tags.Count);
        Assert.Null(tags[1].Level); // most of that chunk had come before
        await restored.PushAsync(EngineFixture.Babble(40_000, 40_000), tags, default);
        Assert.Null(tags[2].Level); // and a part of this one
        Assert.NotNull(tags[3].Level);
        Assert.Throws<SnapshotException>(() => restored.RestoreLevels(new byte[3]));
    }

    [Fact]
    public async Task A_tone_lights_its_own_bin()
    {
        var column = (await TagAsync(Pcm16(16_000, 1, 1.6, t => 0.5 * Math.Sin(2 * Math.PI * 1_000 * t)), 16_000, 1))[0].Spectrogram;
        Assert.Equal(96 / 10 * 32 + 32, column.Length); // 0.96 s: nine columns of 0.1 s, and what is left
        var brightest = Enumerable.Range(0, 32).MaxBy(bin => column[bin]);
        // 1,000 Hz are 1,000 of the 2,840 mel of 8 kHz; the lowest filter begins at 20 Hz.
        Assert.InRange(brightest, 10, 12);
        Assert.InRange(column[brightest], 255 * 0.75, 255 * 0.9); // -6 dB, and pre-emphasis takes 8 more
        Assert.InRange(column[28], 0, 255 * 0.5);
    }

    private static bool Near(float expected, float actual) => Math.Abs(expected - actual) < Tolerance;

    private static byte[] Pcm16(int rate, int channels, double seconds, Func<double, double> wave)
    {
        var audio = new byte[(int)Math.Round(seconds * rate) * channels * 2];
        for (var i = 0; i < audio.Length / 2; i++)
        {
            var sample = Math.Clamp(Math.Round(32_767 * wave((double)(i / channels) / rate)), -32_768, 32_767);
            BinaryPrimitives.WriteInt16LittleEndian(audio.AsSpan(2 * i), (short)sample);
        }
        return audio;
    }

    private async Task<List<ChunkScores>> TagAsync(byte[] audio, int rate, int channels)
    {
        var tags = new List<ChunkScores>();
        using var session = fixture.Engine.Open(new AudioFormat(SampleEncoding.Pcm16, rate, channels), new StreamSessionOptions());
        await session.PushAsync(audio, tags, default);
        await session.CompleteAsync(tags, default);
        return tags;
    }
}
