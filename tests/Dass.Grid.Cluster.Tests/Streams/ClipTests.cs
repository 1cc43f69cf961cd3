using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Streams;

[Collection(SharedGridCollection.Name)]
public sealed class ClipTests(SharedGrid shared)
{
    private readonly Tagging.TaggingClient _client = shared.Client;

    [Fact]
    public async Task A_recording_in_one_call_says_what_the_bare_session_says()
    {
        var answer = await _client.TagAsync(Request(), deadline: TestGrid.Deadline);
        await BareSession.AssertEqualAsync(answer.Chunks, answer.Summary);
        Assert.Equal("tiny", answer.Model.Name);
    }

    [Fact]
    public async Task A_recording_leaves_no_stream_behind()
    {
        var before = await ListAsync();
        await _client.TagAsync(Request(), deadline: TestGrid.Deadline);
        Assert.Equal(before, await ListAsync());

        async Task<string[]> ListAsync() =>
            [.. (await _client.ListStreamsAsync(new ListStreamsRequest { PageSize = 1000 })).Streams.Select(stream => stream.StreamId)];
    }

    [Fact]
    public async Task A_recording_that_is_too_long_is_refused_with_its_length()
    {
        var request = Request();
        request.Format = new AudioFormat { Encoding = Encoding.MuLaw, SampleRateHz = 8_000, Channels = 1 };
        request.Audio = ByteString.CopyFrom(new byte[8_000 * 61]);
        await TestGrid.RefusesAsync(
            StatusCode.InvalidArgument, "audio lasts 61.0 s; Tag takes at most 60 s", async () => await _client.TagAsync(request));
    }

    [Fact]
    public async Task An_empty_recording_is_refused()
    {
        var request = Request();
        request.Audio = ByteString.Empty;
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "audio is empty", async () => await _client.TagAsync(request));
    }

    [Fact]
    public async Task A_recording_that_ends_inside_a_frame_is_refused()
    {
        var request = Request();
        request.Audio = ByteString.CopyFrom(new byte[3201]);
        await TestGrid.RefusesAsync(
            StatusCode.InvalidArgument, "3201 bytes ends inside a sample frame", async () => await _client.TagAsync(request));
    }

    [Fact]
    public async Task A_recording_without_a_format_is_refused()
    {
        var request = Request();
        request.Format = null;
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "format is missing", async () => await _client.TagAsync(request));
    }

    [Fact]
    public async Task An_oversized_request_is_refused()
    {
        var request = Request();
        request.Audio = ByteString.CopyFrom(new byte[(1 << 20) + 2]);
        await TestGrid.RefusesAsync(StatusCode.ResourceExhausted, "message size", async () => await _client.TagAsync(request));
    }

    private static TagRequest Request() => new()
    {
        Format = Babble.Format,
        Audio = ByteString.CopyFrom(Babble.Pcm),
        Filter = new TagFilter { Top = 0, Dense = true },
    };
}
