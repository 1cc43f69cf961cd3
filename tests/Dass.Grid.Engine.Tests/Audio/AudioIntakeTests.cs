using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using CsCheck;
using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Engine.Tests.Audio;

public class AudioIntakeTests
{
    [Fact]
    public void Every_encoding_gives_the_same_samples()
    {
        short[] some = [0, 256, -256, 12_544, -12_544, 32_512, -32_768];
        short[] samples = [.. some, .. some, .. some, .. some, .. some]; // more than vectors hold
        var expected = samples.Select(sample => sample / 32768f).ToArray();
        Assert.Equal(expected, Take(SampleEncoding.Pcm16, MemoryMarshal.AsBytes<short>(samples)));
        Assert.Equal(
            expected, Take(SampleEncoding.Pcm24, [.. samples.SelectMany(sample => (byte[])[0, (byte)sample, (byte)(sample >> 8)])]));
        Assert.Equal(expected, Take(SampleEncoding.Pcm32, [.. samples.SelectMany(sample => BitConverter.GetBytes(sample << 16))]));
        Assert.Equal(expected, Take(SampleEncoding.Float32, MemoryMarshal.AsBytes<float>(expected)));
    }

    [Fact]
    public void A_law_and_mu_law_decode_to_the_values_of_the_standard()
    {
        // ITU-T G.711 tables: smallest and largest magnitudes of both signs.
        Assert.Equal([8 / 32768f, -8 / 32768f, 32256 / 32768f, -32256 / 32768f], Take(SampleEncoding.ALaw, [0xD5, 0x55, 0xAA, 0x2A]));
        Assert.Equal([0f, 0f, 32124 / 32768f, -32124 / 32768f], Take(SampleEncoding.MuLaw, [0xFF, 0x7F, 0x80, 0x00]));
    }

    [Fact]
    public void Channels_are_averaged()
    {
        short[] stereo = [1000, 3000, -2000, 2000];
        Assert.Equal([2000 / 32768f, 0], Take(SampleEncoding.Pcm16, MemoryMarshal.AsBytes<short>(stereo), channels: 2));
    }

    /// <summary>Lost audio is a number of samples: the same to the bit as the bytes of silence that it stands for.</summary>
    [Theory]
    [InlineData(SampleEncoding.Pcm16, 16_000, 1)]
    [InlineData(SampleEncoding.Pcm24, 44_100, 2)]
    [InlineData(SampleEncoding.Float32, 192_000, 8)]
    [InlineData(SampleEncoding.ALaw, 8_000, 3)]
    [InlineData(SampleEncoding.MuLaw, 11_025, 1)]
    public void Silence_by_number_is_silence_by_bytes(SampleEncoding encoding, int rate, int channels)
    {
        var format = new AudioFormat(encoding, rate, channels);
        var (intake, twin) = (new AudioIntake(format), new AudioIntake(format));
        var (output, expected) = (new ArrayBufferWriter<float>(), new ArrayBufferWriter<float>());
        var audio = new byte[format.BytesPerFrame * 1_500];
        foreach (var silence in new[] { 0, 1, 999, 1_024, 5_000, 2 * rate })
        {
            Random.Shared.NextBytes(audio);
            if (encoding == SampleEncoding.Float32)
            {
                MemoryMarshal.Cast<byte, float>(audio.AsSpan()).Fill(Random.Shared.NextSingle());
            }
            var bytes = new byte[silence * format.BytesPerFrame];
            Array.Fill(bytes, encoding switch { SampleEncoding.ALaw => (byte)0xD5, SampleEncoding.MuLaw => (byte)0xFF, _ => (byte)0 });
            intake.Push(silence, audio, output);
            twin.Push(bytes, expected);
            twin.Push(audio, expected);
        }
        intake.Flush(output);
        twin.Flush(expected);
        Assert.Equal(expected.WrittenSpan.ToArray(), output.WrittenSpan.ToArray());
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    [InlineData(1e30f)]
    public void A_sample_that_is_not_finite_is_refused_with_its_position_and_nothing_changes(float broken)
    {
        var intake = new AudioIntake(new AudioFormat(SampleEncoding.Float32, 48_000, 2));
        var twin = new AudioIntake(new AudioFormat(SampleEncoding.Float32, 48_000, 2));
        float[] good = [.. Enumerable.Range(0, 20_000).Select(i => MathF.Sin(i / 30f))];
        var (output, expected) = (new ArrayBufferWriter<float>(), new ArrayBufferWriter<float>());
        intake.Push(MemoryMarshal.AsBytes<float>(good), output);

        var refusal = Assert.Throws<AudioFormatException>(() => intake.Push(MemoryMarshal.AsBytes<float>([.. good[..7], broken]), output));
        Assert.Contains("Sample 10003, channel 1", refusal.Message);

        intake.Push(MemoryMarshal.AsBytes<float>(good), output);
        twin.Push(MemoryMarshal.AsBytes<float>([.. good, .. good]), expected);
        Assert.Equal(expected.WrittenSpan.ToArray(), output.WrittenSpan.ToArray());
    }

    [Fact]
    public void A_torn_frame_is_refused()
    {
        var intake = new AudioIntake(new AudioFormat(SampleEncoding.Pcm24, 16_000, 2));
        var refusal = Assert.Throws<AudioFormatException>(() => intake.Push(new byte[13], new ArrayBufferWriter<float>()));
        Assert.Contains("13 bytes", refusal.Message);
        Assert.Contains("multiple of 6", refusal.Message);
    }

    [Fact]
    public void A_format_that_breaks_several_rules_names_them_all()
    {
        var refusal = Assert.Throws<AudioFormatException>(() => new AudioIntake(new AudioFormat((SampleEncoding)99, 4_000_000, 0)));
        Assert.Contains("encoding is 99", refusal.Message);
        Assert.Contains("4000000 Hz", refusal.Message);
        Assert.Contains("channels is 0", refusal.Message);
    }

    [Fact]
    public void The_output_does_not_depend_on_how_the_bytes_are_cut_nor_on_save_and_restore()
    {
        var encodings = Enum.GetValues<SampleEncoding>();
        Gen.Select(
            Gen.Int[0, encodings.Length - 1], Gen.Int[8000, 192_000], Gen.Int[1, 8], Gen.Int[0, 3000].Array[1, 5], Gen.Int[0, 999]).Sample(
            (encoding, rate, channels, cuts, seed) =>
            {
                var format = new AudioFormat(encodings[encoding], rate, channels);
                var audio = new byte[cuts.Sum() * format.BytesPerFrame];
                var random = new Random(seed);
                random.NextBytes(audio);
                for (var i = 0; format.Encoding == SampleEncoding.Float32 && i < audio.Length; i += 4)
                {
                    BinaryPrimitives.WriteSingleLittleEndian(audio.AsSpan(i), random.NextSingle());
                }
                var (whole, cut) = (new ArrayBufferWriter<float>(), new ArrayBufferWriter<float>());
                var intake = new AudioIntake(format);
                intake.Push(audio, whole);
                intake.Flush(whole);

                intake = new AudioIntake(format);
                var start = 0;
                foreach (var frames in cuts)
                {
                    intake.Push(audio.AsSpan(start, frames * format.BytesPerFrame), cut);
                    start += frames * format.BytesPerFrame;
                    var snapshot = new ArrayBufferWriter<byte>();
                    intake.Save(new SnapshotWriter(snapshot));
                    intake = new AudioIntake(format);
                    var reader = new SnapshotReader(snapshot.WrittenSpan);
                    intake.Restore(ref reader);
                }
                intake.Flush(cut);
                Assert.Equal(whole.WrittenSpan.ToArray(), cut.WrittenSpan.ToArray());
            },
            iter: 60);
    }

    private static float[] Take(SampleEncoding encoding, ReadOnlySpan<byte> audio, int channels = 1)
    {
        var output = new ArrayBufferWriter<float>();
        new AudioIntake(new AudioFormat(encoding, 16_000, channels)).Push(audio, output);
        return output.WrittenSpan.ToArray();
    }
}
