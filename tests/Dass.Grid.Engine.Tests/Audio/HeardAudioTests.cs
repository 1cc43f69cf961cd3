using System.Buffers;
using System.Runtime.InteropServices;
using CsCheck;
using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Engine.Tests.Audio;

/// <summary>Which channel is heard, and how loud.</summary>
public sealed class HeardAudioTests
{
    private const int Rate = 16_000;

    private static readonly AudioFormat Stereo = new(SampleEncoding.Pcm16, Rate, 2);
    private static readonly AudioFormat Automatic = new(SampleEncoding.Float32, Rate, 1) { AutomaticGain = true };

    [Fact]
    public void One_channel_is_heard_alone()
    {
        short[] inverse = [1000, -1000, -2000, 2000];
        Assert.Equal([0f, 0f], Take(Stereo, inverse));
        Assert.Equal([1000 / 32768f, -2000 / 32768f], Take(Stereo with { Channel = 1 }, inverse));
        Assert.Equal([-1000 / 32768f, 2000 / 32768f], Take(Stereo with { Channel = 2 }, inverse));
    }

    [Fact]
    public void Channels_that_cancel_each_other_are_noticed()
    {
        var intake = new AudioIntake(Stereo with { GainDb = 12 });
        Assert.Null(intake.MixLossDb);
        short[] inverse = [1000, -1000, -2000, 1998];
        intake.Push(MemoryMarshal.AsBytes<short>(inverse), new ArrayBufferWriter<float>());
        Assert.InRange(intake.MixLossDb!.Value, 55, 70);
        var same = new AudioIntake(Stereo);
        same.Push(MemoryMarshal.AsBytes<short>([500, 500, -700, -700]), new ArrayBufferWriter<float>());
        Assert.Equal(0, same.MixLossDb!.Value, 1e-3);
        var one = new AudioIntake(Stereo with { Channel = 1 });
        one.Push(MemoryMarshal.AsBytes<short>(inverse), new ArrayBufferWriter<float>());
        Assert.Null(one.MixLossDb);
    }

    [Fact]
    public void A_gain_is_in_decibels_and_levels_are_told_without_it()
    {
        short[] samples = [100, 300];
        Assert.Equal(200 / 32768f * 10, Assert.Single(Take(Stereo with { GainDb = 20 }, samples)), 1e-6);
        var intake = new AudioIntake(Stereo with { GainDb = 20 });
        intake.Push(MemoryMarshal.AsBytes<short>(samples), new ArrayBufferWriter<float>());
        var level = intake.TakeLevel(int.MaxValue);
        Assert.Equal(20 * Math.Log10(300 / 32768.0), level!.Value.PeakDbfs, 1e-3);
    }

    [Theory]
    [InlineData(-50)]
    [InlineData(-40)]
    public void Quiet_audio_is_raised_slowly_to_minus_26_dBFS(double dbfs)
    {
        var output = Take(Automatic, Noise(seconds: 60, dbfs));
        Assert.InRange(Level(output.AsSpan(0, Rate)) - dbfs, 0, 4); // 3 dB a second
        Assert.InRange(Level(output.AsSpan(^(5 * Rate))), -27, -25);
        // never faster than a decibel in 0.32 s
        var gains = Enumerable.Range(0, 59).Select(second => Level(output.AsSpan(second * Rate, Rate))).ToArray();
        Assert.All(gains.Zip(gains.Skip(1)), pair => Assert.InRange(pair.Second - pair.First, -3.3, 3.3));
    }

    [Fact]
    public void What_is_loud_enough_stays_as_it_is_and_a_pause_is_no_reason_to_turn_up()
    {
        var loud = Noise(seconds: 20, dbfs: -15);
        Assert.Equal(loud, Take(Automatic, loud));
        float[] pause = [.. Noise(seconds: 20, dbfs: -26), .. Noise(seconds: 60, dbfs: -90)];
        Assert.Equal(-90, Level(Take(Automatic, pause).AsSpan(^(5 * Rate))), 1.0);
    }

    [Fact]
    public void The_gain_does_not_depend_on_how_audio_is_cut_and_goes_on_from_a_snapshot()
    {
        var audio = Noise(seconds: 3, dbfs: -45);
        var expected = Take(Automatic, audio);
        Gen.Int[0, audio.Length].Array[1, 6].Sample(
            cuts =>
            {
                var (intake, output, from) = (new AudioIntake(Automatic), new ArrayBufferWriter<float>(), 0);
                foreach (var cut in cuts.Order().Append(audio.Length))
                {
                    intake.Push(MemoryMarshal.AsBytes(audio.AsSpan(from, cut - from)), output);
                    from = cut;
                    var saved = new ArrayBufferWriter<byte>();
                    intake.Save(new SnapshotWriter(saved));
                    intake = new AudioIntake(Automatic);
                    var reader = new SnapshotReader(saved.WrittenSpan);
                    intake.Restore(ref reader);
                }
                Assert.Equal(expected, output.WrittenSpan.ToArray());
            },
            iter: 20);
    }

    [Fact]
    public void Silence_by_number_is_silence_by_bytes_for_the_gain_too()
    {
        var quiet = Noise(seconds: 1, dbfs: -45);
        var (number, bytes) = (new AudioIntake(Automatic), new AudioIntake(Automatic));
        var (one, other) = (new ArrayBufferWriter<float>(), new ArrayBufferWriter<float>());
        foreach (var intake in (AudioIntake[])[number, bytes])
        {
            intake.Push(MemoryMarshal.AsBytes<float>(quiet), intake == number ? one : other);
        }
        number.Push(silence: 7_777, MemoryMarshal.AsBytes<float>(quiet), one);
        bytes.Push([.. new byte[4 * 7_777], .. MemoryMarshal.AsBytes<float>(quiet)], other);
        Assert.Equal(one.WrittenSpan.ToArray(), other.WrittenSpan.ToArray());
    }

    [Theory]
    [InlineData(3, 0f, "channel is 3; it must be 1 to 2, the number of channels, or 0 for the mean of all")]
    [InlineData(-1, 0f, "channel is -1")]
    [InlineData(0, 61f, "gain is 61 dB; it must be -60 to 60 dB")]
    [InlineData(0, float.NaN, "gain is NaN")]
    public void What_breaks_a_rule_is_named(int channel, float gain, string problem) => Assert.Contains(
        problem, Assert.Throws<AudioFormatException>((Stereo with { Channel = channel, GainDb = gain }).Validate).Message,
        StringComparison.Ordinal);

    private static float[] Take<T>(AudioFormat format, T[] samples)
        where T : unmanaged
    {
        var output = new ArrayBufferWriter<float>();
        new AudioIntake(format).Push(MemoryMarshal.AsBytes(samples.AsSpan()), output);
        return output.WrittenSpan.ToArray();
    }

    private static float[] Noise(int seconds, double dbfs)
    {
        var random = new Random(3);
        var scale = Math.Pow(10, dbfs / 20) * Math.Sqrt(3);
        return [.. Enumerable.Range(0, seconds * Rate).Select(_ => (float)(scale * (2 * random.NextDouble() - 1)))];
    }

    private static double Level(ReadOnlySpan<float> samples)
    {
        var squares = 0.0;
        foreach (var sample in samples)
        {
            squares += (double)sample * sample;
        }
        return 10 * Math.Log10(squares / samples.Length);
    }
}
