using Dass.Grid.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>One Stream call as a client makes it.</summary>
internal sealed class Feed : IDisposable
{
    private readonly AsyncDuplexStreamingCall<StreamRequest, StreamResponse> _call;

    /// <param name="client">Of the grid.</param>
    /// <param name="headers">Of the call.</param>
    /// <param name="patience">How long the whole call may take. Null: as long as any test may.</param>
    public Feed(Tagging.TaggingClient client, Metadata? headers = null, TimeSpan? patience = null) =>
        _call = client.Stream(headers, TestGrid.Deadline - TestGrid.Patience + (patience ?? TestGrid.Patience));

    public Ready Ready { get; private set; } = null!;

    public List<Tags> Tags { get; } = [];

    public List<Gap> Gaps { get; } = [];

    /// <summary>All that the answers said of events, in order.</summary>
    public List<Event> Events { get; } = [];

    public Summary? Summary { get; private set; }

    public long Applied => Acks.Count == 0 ? 0 : Acks[^1].AppliedSample;

    public List<Ack> Acks { get; } = [];

    /// <summary>Sends the configuration and waits for Ready.</summary>
    public static async Task<Feed> BeginAsync(
        Tagging.TaggingClient client, StreamConfig config, Metadata? headers = null, TimeSpan? patience = null)
    {
        var feed = new Feed(client, headers, patience);
        await feed.SendAsync(new StreamRequest { Config = config });
        Assert.True(await feed._call.ResponseStream.MoveNext(CancellationToken.None));
        feed.Ready = feed._call.ResponseStream.Current.Ready;
        Assert.NotNull(feed.Ready);
        return feed;
    }

    public Task SendAsync(StreamRequest request) => _call.RequestStream.WriteAsync(request);

    public Task SendAsync(ReadOnlyMemory<byte> data, long? firstSample = null)
    {
        var audio = new Audio { Data = ByteString.CopyFrom(data.Span) };
        if (firstSample is { } first)
        {
            audio.FirstSample = first;
        }
        return SendAsync(new StreamRequest { Audio = audio });
    }

    /// <summary>Sends a stretch of the recording in messages of one second.</summary>
    public async Task SendBabbleAsync(int fromSample, int toSample)
    {
        for (var first = fromSample; first < toSample; first += Babble.SampleRateHz)
        {
            await SendAsync(Babble.Slice(first, Math.Min(Babble.SampleRateHz, toSample - first)));
        }
    }

    /// <summary>Reads answers until the stream has taken in all audio before a position.</summary>
    public async Task AppliedAsync(long sample)
    {
        while (Applied < sample)
        {
            Assert.True(
                await _call.ResponseStream.MoveNext(CancellationToken.None), $"The call ended at sample {Applied}, before {sample}.");
            Take(_call.ResponseStream.Current);
        }
    }

    public Task HalfCloseAsync() => _call.RequestStream.CompleteAsync();

    public async Task<Summary> FinishAsync()
    {
        await SendAsync(new StreamRequest { Finish = new Finish() });
        await EndAsync();
        return Assert.IsType<Summary>(Summary);
    }

    /// <summary>Half-closes and reads to the end; throws what the call ends with.</summary>
    public async Task EndAsync()
    {
        await HalfCloseAsync();
        await ReadToEndAsync();
    }

    public async Task ReadToEndAsync()
    {
        while (await _call.ResponseStream.MoveNext(CancellationToken.None))
        {
            Take(_call.ResponseStream.Current);
        }
    }

    /// <summary>The client is gone: no half-close, no goodbye.</summary>
    public void Dispose() => _call.Dispose();

    private void Take(StreamResponse response)
    {
        switch (response.ResponseCase)
        {
            case StreamResponse.ResponseOneofCase.Tags:
                Tags.Add(response.Tags);
                Events.AddRange(response.Tags.Events);
                break;
            case StreamResponse.ResponseOneofCase.Gap:
                Gaps.Add(response.Gap);
                Events.AddRange(response.Gap.Events);
                break;
            case StreamResponse.ResponseOneofCase.Events:
                Events.AddRange(response.Events.Events);
                break;
            case StreamResponse.ResponseOneofCase.Ack:
                Acks.Add(response.Ack);
                break;
            case StreamResponse.ResponseOneofCase.Summary:
                Summary = response.Summary;
                break;
            default:
                Assert.Fail($"{response.ResponseCase} is no answer after Ready.");
                break;
        }
    }
}
