using System.Buffers.Binary;
using System.Text;
using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Engine.Tests.Audio;

public class WavReaderTests
{
    private static readonly byte[] Samples = [.. Enumerable.Range(0, 96).Select(i => (byte)(i * 7))];

    [Theory]
    [InlineData(1, 16, SampleEncoding.Pcm16)]
    [InlineData(1, 24, SampleEncoding.Pcm24)]
    [InlineData(1, 32, SampleEncoding.Pcm32)]
    [InlineData(3, 32, SampleEncoding.Float32)]
    [InlineData(6, 8, SampleEncoding.ALaw)]
    [InlineData(7, 8, SampleEncoding.MuLaw)]
    public async Task Every_plain_and_extensible_format_is_read(int tag, int bits, SampleEncoding encoding)
    {
        foreach (var extensible in (bool[])[false, true])
        {
            var (format, audio, truncated) = await Read(Wav(Format(tag, bits, 2, 44_100, extensible), Chunk("data", Samples)));
            Assert.Equal(new AudioFormat(encoding, 44_100, 2), format);
            Assert.Equal(Samples, audio);
            Assert.False(truncated);
        }
    }

    [Fact]
    public async Task Eight_bits_are_widened_and_doubles_narrowed()
    {
        var (_, wide, _) = await Read(Wav(Format(1, 8, 1, 8000), Chunk("data", [0, 128, 255])));
        Assert.Equal([-32768, 0, 32512], Enumerable.Range(0, 3).Select(i => (int)BitConverter.ToInt16(wide, 2 * i)));
        var (format, narrow, _) =
            await Read(Wav(Format(3, 64, 1, 8000), Chunk("data", [.. BitConverter.GetBytes(0.25), .. BitConverter.GetBytes(-0.5)])));
        Assert.Equal(SampleEncoding.Float32, format.Encoding);
        Assert.Equal([0.25f, -0.5f], Enumerable.Range(0, 2).Select(i => BitConverter.ToSingle(narrow, 4 * i)));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(0xFFFFFFFFu)]
    public async Task A_pipe_of_unknown_length_is_read_to_its_end(uint size)
    {
        var (_, audio, truncated) =
            await Read(Wav(Format(1, 16, 1, 16_000), [.. Encoding.ASCII.GetBytes("data"), .. BitConverter.GetBytes(size), .. Samples]));
        Assert.Equal(Samples, audio);
        Assert.False(truncated);
    }

    [Theory]
    [InlineData("RF64")]
    [InlineData("BW64")]
    public async Task A_64_bit_file_takes_its_size_from_ds64_and_what_follows_is_not_audio(string riff)
    {
        byte[] ds64 = [.. new byte[8], .. BitConverter.GetBytes((long)Samples.Length), .. new byte[12]];
        var (_, audio, _) = await Read(Wav(
            riff, Chunk("ds64", ds64), Format(1, 16, 1, 16_000),
            [.. Encoding.ASCII.GetBytes("data"), .. BitConverter.GetBytes(uint.MaxValue), .. Samples], Chunk("LIST", [1, 2, 3])));
        Assert.Equal(Samples, audio);
    }

    [Fact]
    public async Task Odd_and_unknown_chunks_are_passed_over_and_a_torn_last_frame_is_dropped()
    {
        var (_, audio, _) =
            await Read(Wav(Chunk("junk", [1, 2, 3]), Format(1, 16, 2, 16_000), Chunk("LIST", new byte[101]), Chunk("data", Samples[..^1])));
        Assert.Equal(Samples[..^4], audio);
    }

    [Fact]
    public async Task A_file_that_declares_ten_gigabytes_yields_the_samples_that_are_there()
    {
        byte[] ds64 = [.. new byte[8], .. BitConverter.GetBytes(10_000_000_000L), .. new byte[12]];
        var before = GC.GetAllocatedBytesForCurrentThread();
        var (_, audio, truncated) = await Read(Wav(
            "RF64", Chunk("ds64", ds64), Format(1, 16, 1, 16_000),
            [.. Encoding.ASCII.GetBytes("data"), .. BitConverter.GetBytes(uint.MaxValue), .. Samples]));
        Assert.Equal(Samples, audio);
        Assert.True(truncated);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 10_000_000);
    }

    [Theory]
    [InlineData(12, 2, SampleEncoding.Pcm16)]
    [InlineData(20, 3, SampleEncoding.Pcm24)]
    [InlineData(24, 4, SampleEncoding.Pcm32)]
    [InlineData(16, 0, SampleEncoding.Pcm16)]
    public async Task Bits_may_be_fewer_than_their_bytes_and_the_align_may_be_missing(int bits, int align, SampleEncoding encoding)
    {
        var (format, audio, _) = await Read(Wav(Format(1, bits, 1, 16_000, align: align), Chunk("data", Samples)));
        Assert.Equal(new AudioFormat(encoding, 16_000, 1), format);
        Assert.Equal(Samples, audio);
    }

    [Fact]
    public async Task A_long_format_chunk_is_read_and_what_follows_an_empty_recording_is_not()
    {
        byte[] format = [.. Format(1, 16, 1, 16_000)[8..], .. new byte[1_026]];
        var (_, audio, _) = await Read(Wav(Chunk("fmt ", format), Chunk("data", Samples)));
        Assert.Equal(Samples, audio);

        byte[] file = Wav(Format(1, 16, 1, 16_000), Chunk("data", []), Chunk("LIST", new byte[40_000]));
        BitConverter.TryWriteBytes(file.AsSpan(4), file.Length - 8);
        (_, audio, _) = await Read(file);
        Assert.Empty(audio);
    }

    [Fact]
    public async Task Big_endian_samples_are_turned_and_many_channels_are_mixed()
    {
        byte[] file = Wav("RIFX", Format(1, 16, 1, 16_000), Chunk("data", [1, 2, 3, 4]));
        foreach (var (at, length) in ((int, int)[])[(16, 4), (20, 2), (22, 2), (24, 4), (28, 4), (32, 2), (34, 2), (40, 4)])
        {
            file.AsSpan(at, length).Reverse();
        }
        var (_, turned, _) = await Read(file);
        Assert.Equal([2, 1, 4, 3], turned);

        byte[] frame = [.. Enumerable.Repeat(BitConverter.GetBytes((short)9_000), 8).SelectMany(bytes => bytes), .. new byte[2]];
        var (format, mixed, _) = await Read(Wav(Format(1, 16, 9, 16_000), Chunk("data", [.. frame, .. frame])));
        Assert.Equal(new AudioFormat(SampleEncoding.Float32, 16_000, 1), format);
        Assert.Equal(2 * sizeof(float), mixed.Length);
        Assert.Equal(8_000 / 32_768.0, BitConverter.ToSingle(mixed), 1e-4);
    }

    [Fact]
    public async Task A_size_of_a_pipe_that_was_written_before_it_was_known_is_no_end()
    {
        foreach (var size in (uint[])[0x7FFFFFFF, 0x80000000, 0x7FFF0000, 0xFFFFFFDA])
        {
            var (_, audio, truncated) =
                await Read(Wav(Format(1, 16, 1, 16_000), [.. Encoding.ASCII.GetBytes("data"), .. BitConverter.GetBytes(size), .. Samples]));
            Assert.Equal(Samples, audio);
            Assert.False(truncated);
        }
    }

    public static TheoryData<byte[], string> Broken => new()
    {
        { [], "empty" },
        { Encoding.ASCII.GetBytes("RIFF"), "before the RIFF header" },
        { Encoding.ASCII.GetBytes("OggS0000vorb"), "not a WAV file" },
        { Wav(), "before the 'fmt ' chunk" },
        { Wav(Format(1, 16, 1, 16_000)), "before the 'data' chunk" },
        { Wav(Chunk("data", Samples)), "before its 'fmt ' chunk" },
        { Wav(Format(1, 16, 0, 16_000), Chunk("data", Samples)), "channels is 0" },
        { Wav(Format(1, 16, 60_000, 16_000, align: 0), Chunk("data", Samples)), "channels is 60000" },
        { Wav(Format(1, 16, 1, 0xFFFFFFFF), Chunk("data", Samples)), "sample rate is 2147483647 Hz" },
        { Wav(Format(1, 16, 1, 1), Chunk("data", Samples)), "sample rate is 1 Hz" },
        { Wav(Format(1, 16, 1, 16_000, align: 5), Chunk("data", Samples)), "block align of 5" },
        {
            Wav(Format(1, 16, 1, 16_000), [.. Encoding.ASCII.GetBytes("LIST"), 3, 0, 0, 0, 1, 2, 3], Chunk("data", Samples)),
            "'data' chunk is misaligned"
        },
        { Wav(Format(85, 16, 1, 16_000), Chunk("data", Samples)), "format tag 85" },
        { Wav(Chunk("fmt ", new byte[8])), "'fmt ' chunk has 8 bytes" },
        { Wav([.. Encoding.ASCII.GetBytes("junk"), 255, 255, 255, 127]), "inside its 'junk' chunk" },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public async Task A_broken_file_is_refused_with_the_rule(byte[] file, string rule)
    {
        var refusal = await Assert.ThrowsAnyAsync<AudioFormatException>(() => Read(file));
        Assert.Contains(rule, refusal.Message);
    }

    [Fact]
    public async Task No_mutation_of_a_file_does_anything_but_read_or_refuse()
    {
        var good = Wav(Chunk("junk", [1, 2, 3]), Format(1, 16, 2, 44_100, extensible: true), Chunk("data", Samples));
        var random = new Random(11);
        for (var i = 0; i < 5000; i++)
        {
            var file = good.ToArray();
            for (var flips = random.Next(1, 5); flips > 0; flips--)
            {
                file[random.Next(file.Length)] = (byte)random.Next(256);
            }
            try
            {
                var (_, audio, _) = await Read(file[..random.Next(file.Length)]);
                Assert.True(audio.Length <= 2 * file.Length);
            }
            catch (AudioFormatException)
            {
            }
        }
    }

    internal static byte[] Wav(params byte[][] chunks) => Wav("RIFF", chunks);

    internal static byte[] Wav(string riff, params byte[][] chunks) =>
        [.. Encoding.ASCII.GetBytes(riff), 255, 255, 255, 255, .. Encoding.ASCII.GetBytes("WAVE"), .. chunks.SelectMany(chunk => chunk)];

    internal static byte[] Chunk(string name, byte[] content) =>
        [
            .. Encoding.ASCII.GetBytes(name), .. BitConverter.GetBytes(content.Length), .. content,
            .. content.Length % 2 == 1 ? (byte[])[0] : [],
        ];

    internal static byte[] Format(int tag, int bits, int channels, uint rate, bool extensible = false, int? align = null)
    {
        var format = new byte[extensible ? 40 : 16];
        BinaryPrimitives.WriteUInt16LittleEndian(format, (ushort)(extensible ? 0xFFFE : tag));
        BinaryPrimitives.WriteUInt16LittleEndian(format.AsSpan(2), (ushort)channels);
        BinaryPrimitives.WriteUInt32LittleEndian(format.AsSpan(4), rate);
        BinaryPrimitives.WriteUInt16LittleEndian(format.AsSpan(12), (ushort)(align ?? channels * bits / 8));
        BinaryPrimitives.WriteUInt16LittleEndian(format.AsSpan(14), (ushort)bits);
        if (extensible)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(format.AsSpan(24), (ushort)tag);
        }
        return Chunk("fmt ", format);
    }

    /// <summary>Reads through a stream that cannot seek and gives a few bytes at a time, as a pipe does.</summary>
    private static async Task<(AudioFormat Format, byte[] Audio, bool Truncated)> Read(byte[] file)
    {
        await using var wav = await WavReader.OpenAsync(new Pipe(file), CancellationToken.None);
        var (audio, buffer) = (new List<byte>(), new byte[64]);
        int read;
        while ((read = await wav.ReadAsync(buffer, CancellationToken.None)) > 0)
        {
            audio.AddRange(buffer[..read]);
        }
        return (wav.Format, [.. audio], wav.Truncated);
    }

    private sealed class Pipe(byte[] content) : MemoryStream(content)
    {
        public override bool CanSeek => false;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, 5)], cancellationToken);
    }
}
