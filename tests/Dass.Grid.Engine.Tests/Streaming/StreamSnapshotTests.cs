using System.Buffers;
using System.Text;
using CsCheck;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Engine.Tests.Streaming;

public sealed class StreamSnapshotTests(EngineFixture fixture) : IClassFixture<EngineFixture>
{
    [Fact]
    public async Task Saved_restored_and_continued_equals_uninterrupted_to_the_bit()
    {
        const int Samples = 50_000;
        var options = EngineFixture.Options(64, 32);
        var (expected, summary) = await fixture.TagAsync(EngineFixture.Babble(0, Samples), options);
        await Gen.Int[0, Samples].SampleAsync(
            async cut =>
            {
                var tags = new List<ChunkScores>();
                byte[] snapshot;
                using (var session = fixture.Engine.Open(EngineFixture.Pcm16, options))
                {
                    await session.PushAsync(EngineFixture.Babble(0, cut), tags, default);
                    snapshot = Save(session);
                }
                using var restored = fixture.Engine.Restore(snapshot);
                Assert.Equal(cut, restored.AppliedSamples);
                await restored.PushAsync(EngineFixture.Babble(cut, Samples - cut), tags, default);
                await restored.CompleteAsync(tags, default);
                EngineFixture.AssertSame(expected, tags);
                Assert.Equal(summary.Mean, restored.Summary().Mean);
                Assert.Equal(summary.Max, restored.Summary().Max);
            },
            iter: 10, threads: 1);
    }

    [Fact]
    public async Task The_header_has_its_first_form()
    {
        using var session = fixture.Engine.Open(EngineFixture.Pcm16, EngineFixture.Options(96, 64));
        await session.PushAsync(EngineFixture.Babble(0, 1000), [], default);
        var expected = "DASS"u8.ToArray()
            .Concat(BitConverter.GetBytes(1))
            .Concat(BitConverter.GetBytes(64)).Concat(Encoding.UTF8.GetBytes(TinyModel.Instance.Hash))
            .Concat(BitConverter.GetBytes(0)).Concat(BitConverter.GetBytes(16_000)).Concat(BitConverter.GetBytes(1))
            .Concat(BitConverter.GetBytes(9_600_000L)).Concat(BitConverter.GetBytes(6_400_000L)).Concat(BitConverter.GetBytes(0))
            .Concat(BitConverter.GetBytes(1000L)).Concat(BitConverter.GetBytes(0))
            .ToArray();
        Assert.Equal(expected, Save(session)[..expected.Length]);
    }

    [Fact]
    public async Task A_stream_with_a_channel_and_a_gain_of_its_own_goes_on_from_its_snapshot()
    {
        var format = EngineFixture.Pcm16 with { Channels = 2, Channel = 2, GainDb = -6, AutomaticGain = true };
        var (expected, actual) = (new List<ChunkScores>(), new List<ChunkScores>());
        using var whole = fixture.Engine.Open(format, EngineFixture.Options(64, 32));
        await whole.PushAsync(EngineFixture.Babble(0, 80_000), expected, default);
        using var first = fixture.Engine.Open(format, EngineFixture.Options(64, 32));
        await first.PushAsync(EngineFixture.Babble(0, 30_002), actual, default);
        var snapshot = Save(first);
        Assert.Equal(2, BitConverter.ToInt32(snapshot, 4)); // an engine of an earlier version refuses it
        using var rest = fixture.Engine.Restore(snapshot);
        Assert.Equal(format, rest.Format);
        await rest.PushAsync(EngineFixture.Babble(30_002, 49_998), actual, default);
        EngineFixture.AssertSame(expected, actual);
    }

    [Theory]
    [InlineData(0, "not a stream's snapshot")]
    [InlineData(4, "version")]
    [InlineData(12, "model")]
    [InlineData(76, "encoding")]
    [InlineData(88, "Chunk")]
    public async Task A_changed_header_is_refused_by_name(int at, string named)
    {
        var snapshot = await SnapshotAsync();
        snapshot[at] ^= 0x40;
        Assert.Contains(
            named, Assert.Throws<SnapshotException>(() => fixture.Engine.Restore(snapshot)).Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Any_truncation_and_any_excess_is_refused_and_costs_no_slot()
    {
        var snapshot = await SnapshotAsync();
        var used = fixture.Engine.Slots.Used;
        Gen.Int[0, snapshot.Length - 1].Sample(
            length => Assert.Throws<SnapshotException>(() => fixture.Engine.Restore(snapshot.AsSpan(0, length))), iter: 200, threads: 1);
        Assert.Throws<SnapshotException>(() => fixture.Engine.Restore([.. snapshot, 0]));
        Assert.Equal(used, fixture.Engine.Slots.Used);
    }

    [Fact]
    public async Task Damage_anywhere_is_refused_or_restored_but_never_fatal()
    {
        var snapshot = await SnapshotAsync();
        Gen.Select(Gen.Int[0, 400], Gen.Byte).Sample(
            damage =>
            {
                byte[] damaged = [.. snapshot];
                damaged[damage.Item1] ^= damage.Item2;
                try
                {
                    fixture.Engine.Restore(damaged).Dispose();
                }
                catch (SnapshotException)
                {
                }
            },
            iter: 500, threads: 1);
    }

    private async Task<byte[]> SnapshotAsync()
    {
        using var session = fixture.Engine.Open(EngineFixture.Pcm16, new StreamSessionOptions());
        await session.PushAsync(EngineFixture.Babble(0, 30_000), [], default);
        return Save(session);
    }

    private static byte[] Save(StreamSession session)
    {
        var buffer = new ArrayBufferWriter<byte>();
        session.Save(buffer);
        return buffer.WrittenSpan.ToArray();
    }
}
