using CsCheck;
using Dass.Grid.Gateway.Streams;
using Dass.Grid.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Streams;

/// <summary>The order of messages, where a call over the network could not decide which comes first.</summary>
public sealed class AudioLawTests
{
    [Theory]
    [InlineData("audio")]
    [InlineData("finish")]
    [InlineData("config")]
    public void Nothing_may_follow_finish(string what)
    {
        var law = new AudioLaw(nextSample: 0, bytesPerFrame: 2);
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
        var law = new AudioLaw(nextSample: 1_000, bytesPerFrame: 4);
        long expected = 1_000;
        foreach (var frames in lengths)
        {
            var block = law.Accept(Audio(frames * 4))!;
            Assert.Equal(expected, block.FirstSample);
            expected += frames;
        }
    });

    private static StreamRequest Audio(int bytes) => new() { Audio = new Audio { Data = ByteString.CopyFrom(new byte[bytes]) } };
}
