using CsCheck;
using Dass.Grid.Engine.Features;
using Dass.Grid.Engine.Model;
using Dass.Grid.Tests;

namespace Dass.Grid.Engine.Tests.Features;

public class LogMelTests
{
    private static readonly LogMelTables Tables = new(new DassConfig { Dims = [16, 32, 64, 128], Depths = [1, 1, 2, 1], LabelCount = 527 });

    [Fact]
    public void Babble_equals_the_golden_features() =>
        AssertClose(Fixtures.Tensor("fbank.safetensors", "babble.fbank"), Frames(Fixtures.Babble));

    // Its pure tones leave bins more than 80 dB below the frame's strongest, where the golden values carry float32 rounding of their own
    // (up to 4e-4 against the definition in double).
    [Fact]
    public void The_synthetic_wave_equals_the_golden_features()
    {
        const double HundredthOfMillionth = 1e-8;
        var expected = Fixtures.Tensor("fbank.safetensors", "synthetic.fbank");
        var actual = Frames(Fixtures.Tensor("fbank.safetensors", "synthetic.wave"));
        var compared = 0;
        for (var frame = 0; frame < expected.Length; frame += 128)
        {
            var strongest = expected.AsSpan(frame, 128).ToArray().Max();
            for (var i = frame; i < frame + 128; i++)
            {
                var weak = (strongest - expected[i]) * 2 * 4.5689974 > -Math.Log(HundredthOfMillionth);
                compared += weak ? 0 : 1;
                Assert.Equal(expected[i], actual[i], weak ? 5e-4f : 1e-4f);
            }
        }
        Assert.True(compared > expected.Length * 0.9, $"Only {compared} values were compared closely.");
    }

    [Fact]
    public void A_frame_equals_its_definition()
    {
        var wave = Fixtures.Tensor("fbank.safetensors", "synthetic.wave");
        var frames = Frames(wave);
        foreach (var frame in new[] { 0, 304, 376 })
        {
            var expected = SlowLogMel.Frame(wave.AsSpan(frame * 160, 400));
            Assert.All(expected.Zip(frames[(frame * 128)..]), pair => Assert.Equal((float)pair.First, pair.Second, 1e-6f));
        }
    }

    [Fact]
    public void Frames_do_not_depend_on_how_the_audio_is_cut()
    {
        var audio = Fixtures.Babble[..20_000];
        var whole = Frames(audio);
        Gen.Int[0, 1500].Array[1, 60].Sample(cuts => Assert.Equal(whole, Frames(audio, cuts)), iter: 50);
    }

    [Fact]
    public void A_restored_filter_bank_goes_on_to_the_bit()
    {
        var audio = Fixtures.Babble[..5_000];
        var whole = Frames(audio);
        Gen.Int[0, audio.Length].Sample(
            cut =>
            {
                var frames = new FrameBuffer(128);
                var first = new LogMel(Tables);
                first.Push(audio.AsSpan(0, cut), frames);
                first.Complete(frames);
                var second = new LogMel(Tables);
                second.Restore(first.Carried);
                second.Push(audio.AsSpan(cut), frames);
                second.Complete(frames);
                Assert.Equal(whole, frames.Frames.ToArray());
            },
            iter: 50);
    }

    [Theory]
    [InlineData(399, 0)]
    [InlineData(400, 1)]
    [InlineData(559, 1)]
    [InlineData(560, 2)]
    [InlineData(160_240, 1000)]
    public void Only_whole_frames_count(int samples, int frames) => Assert.Equal(frames * 128, Frames(new float[samples]).Length);

    [Theory]
    [InlineData(0f)]
    [InlineData(0.3f)]
    [InlineData(-1f)]
    public void A_constant_signal_is_silence(float level)
    {
        var floor = (MathF.Log(1.1920929e-7f) + 4.2677393f) / (2 * 4.5689974f);
        Assert.All(Frames([.. Enumerable.Repeat(level, 4000)]), value => Assert.Equal(floor, value, 1e-5f));
    }

    [Fact]
    public void Any_finite_input_gives_finite_frames()
    {
        float[] extremes = [.. Enumerable.Range(0, 4000).Select(i => (i % 3 - 1) * float.MaxValue)];
        Assert.All(Frames(extremes), value => Assert.True(float.IsFinite(value)));
    }

    [Fact]
    public void Nothing_is_allocated_per_frame()
    {
        var frames = new FrameBuffer(128);
        var logMel = new LogMel(Tables);
        void Second(int second)
        {
            logMel.Push(Fixtures.Babble.AsSpan(second * 16_000, 16_000), frames);
            frames.Drop(frames.Count);
        }

        for (var second = 0; second < 5; second++)
        {
            Second(second);
        }
        Assert.Equal(0, Allocations.Fewest(window =>
        {
            Second(5 + 2 * window);
            Second(6 + 2 * window);
        }));
    }

    private static float[] Frames(float[] audio, params int[] cuts)
    {
        var frames = new FrameBuffer(128);
        var logMel = new LogMel(Tables);
        var rest = audio.AsSpan();
        foreach (var cut in cuts)
        {
            var length = Math.Min(cut, rest.Length);
            logMel.Push(rest[..length], frames);
            rest = rest[length..];
        }
        logMel.Push(rest, frames);
        logMel.Complete(frames);
        Assert.Equal(0, logMel.Waiting);
        return frames.Frames.ToArray();
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        var worst = expected.Zip(actual, (x, y) => Math.Abs(x - y)).Max();
        Assert.True(worst <= 1e-4f, $"The largest difference is {worst}.");
    }
}
