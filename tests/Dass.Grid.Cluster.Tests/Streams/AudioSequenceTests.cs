using CsCheck;
using Dass.Grid.Gateway.Streams;
using Dass.Grid.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Streams;

/// <summary>The order of messages, where a call over the network could not decide which comes first.</summary>
public sealed class AudioSequenceTests
{
    [Theory]
    [InlineData("audio")]
    [InlineData("finish")]
    [InlineData("config")]
    public void Nothing_may_follow_finish(string what)
    {
        var law = new AudioSequence(nextSample: 0, bytesPerFrame: 2);
        Assert.Null(law.Accept(new StreamRequest { Finish = new Finish() }));
        var refusal = Assert.Throws<RpcException>(() => law.Accept(what switch
        {
            "audio" => Audio(4),
            "finish" => new StreamRequest { Finish = new Finish() },
            _ => new StreamRequest { Config = new StreamConfig() },
        }));
        Assert.Equal(StatusCode.FailedPrecondition, refusal.StatusCode);
        Assert.Contains($"{what} was sent after finish", refusal.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Audio_without_positions_is_contiguous_from_where_the_stream_is() => Gen.Int[1, 50].List[1, 20].Sample(lengths =>
    {
        var law = new AudioSequence(nextSample: 1_000, bytesPerFrame: 4);
        long expected = 1_000;
        foreach (var frames in lengths)
        {
            var block = law.Accept(Audio(frames * 4))!.Value.Audio;
            Assert.Equal(expected, block.FirstSample);
            expected += frames;
        }
    });

    [Fact]
    public void A_loss_is_silence_up_to_a_length_and_a_gap_beyond_it()
    {
        var law = new AudioSequence(nextSample: 100, bytesPerFrame: 2, maxFilled: 3);
        var filled = law.Accept(After(loss: true, 103, 1, 2))!.Value;
        Assert.Equal((100, 103, false), (filled.Audio.Start, filled.Audio.FirstSample, filled.AfterLoss));
        Assert.Equal([1, 2], filled.Audio.Data.ToArray());
        var none = law.Accept(After(loss: true, 104, 3, 4))!.Value;
        Assert.Equal((104, false, 2), (none.Audio.FirstSample, none.AfterLoss, none.Audio.Data.Length));
        Assert.Equal(0, none.Audio.LostBefore);
        var lost = law.Accept(After(loss: true, 109, 5, 6))!.Value;
        Assert.Equal((109, true, 2), (lost.Audio.FirstSample, lost.AfterLoss, lost.Audio.Data.Length));
        Assert.Equal(110, law.Accept(Audio(2))!.Value.Audio.FirstSample);

        foreach (var (request, code, fragment) in new[]
        {
            (After(loss: true, 110, 7, 8), StatusCode.OutOfRange, "sample 111 is expected"),
            (After(loss: false, 112, 7, 8), StatusCode.OutOfRange, "sample 111 is expected"),
            (After(loss: true, null, 7, 8), StatusCode.InvalidArgument, "audio.first_sample is missing"),
            (
                After(loss: true, (1L << 48) + 1, 7, 8),
                StatusCode.InvalidArgument,
                "audio.first_sample is 281474976710657; 0 to 281474976710656"),
        })
        {
            var refusal = Assert.Throws<RpcException>(() => law.Accept(request));
            Assert.Equal(code, refusal.StatusCode);
            Assert.Contains(fragment, refusal.Status.Detail, StringComparison.Ordinal);
        }
    }

    /// <summary>A loss is claimed by a client in a few bytes: it must cost no more than those here.</summary>
    [Fact]
    public void Losses_cost_no_memory()
    {
        const int BytesPerFrame = 8 * sizeof(float), Lost = 2 * 192_000, Messages = 20;
        var sequence = new AudioSequence(nextSample: 0, BytesPerFrame, maxFilled: Lost);
        var replay = new ReplayBuffer(BytesPerFrame, maxBytes: 32 << 20);
        var messages = Enumerable.Range(1, Messages)
            .Select(i => After(loss: true, i * (Lost + 1L) - 1, new byte[BytesPerFrame])).ToArray();
        var before = GC.GetAllocatedBytesForCurrentThread();
        foreach (var message in messages)
        {
            replay.Append(sequence.Accept(message)!.Value.Audio);
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Messages * 1_000);
        Assert.False(replay.HasRoom(1)); // what was lost counts as if its bytes were kept
    }

    private static StreamRequest After(bool loss, long? first, params byte[] data)
    {
        var audio = new Audio { Data = ByteString.CopyFrom(data), AfterLoss = loss };
        if (first is { } sample)
        {
            audio.FirstSample = sample;
        }
        return new StreamRequest { Audio = audio };
    }

    private static StreamRequest Audio(int bytes) => new() { Audio = new Audio { Data = ByteString.CopyFrom(new byte[bytes]) } };
}
