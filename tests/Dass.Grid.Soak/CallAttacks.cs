using Dass.Grid.Client;
using Dass.Grid.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Dass.Grid.Soak;

/// <summary>Attacks by gRPC: each method is one of them, once.</summary>
/// <param name="mallory">With the key of a tenant.</param>
/// <param name="stranger">With a key of no tenant.</param>
/// <param name="raw">To the same grid, without a key.</param>
/// <param name="key">Of the tenant.</param>
internal sealed class CallAttacks(GridClient mallory, GridClient stranger, CallInvoker raw, string key)
{
    private const int FloodSeconds = 60; // of audio
    private const int Silent = 20; // streams at once
    private const int Claims = 16; // messages
    private const int LossSeconds = 2; // that each claims, of 12.3 MB at 192 kHz × 8 × float32
    private static readonly TimeSpan Attention = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private static readonly byte[] Broken = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x2a];

    private static readonly Method<byte[], byte[]> GetStream = new(
        MethodType.Unary, Tagging.Descriptor.FullName, "GetStream",
        Marshallers.Create(bytes => bytes, bytes => bytes), Marshallers.Create(bytes => bytes, bytes => bytes));

    private static readonly V1.AudioFormat Widest = new() { Encoding = Encoding.Float32, SampleRateHz = 192_000, Channels = 8 };

    private readonly Queue<AsyncDuplexStreamingCall<StreamRequest, StreamResponse>> _silent = new();
    private int _stream;

    public async Task WrongKeyAsync(CancellationToken over) =>
        await stranger.Tagging.ListStreamsAsync(new ListStreamsRequest(), Options(over));

    public async Task GarbageAsync(CancellationToken over) =>
        await raw.AsyncUnaryCall(GetStream, null, Options(over).WithHeaders(new Metadata { { "x-api-key", key } }), Broken);

    public async Task CancelAsync(CancellationToken over)
    {
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(over);
        using var call = mallory.Tagging.Stream(cancellationToken: leaving.Token);
        await call.RequestStream.WriteAsync(new StreamRequest { Config = Config(SoakAudio.Format) }, over);
        await leaving.CancelAsync();
    }

    /// <summary>A minute of audio as fast as the grid takes it, of which all scores are asked for.</summary>
    public async Task FloodAsync(CancellationToken over)
    {
        using var call = await BeginAsync(SoakAudio.Format, over);
        var reading = ReadAsync(call, over);
        for (var second = 0; second < FloodSeconds; second++)
        {
            var audio = SoakAudio.Slice(1, second * SoakAudio.Rate, (second + 1) * SoakAudio.Rate);
            await call.RequestStream.WriteAsync(new StreamRequest { Audio = new Audio { Data = audio } }, over);
        }
        await call.RequestStream.WriteAsync(new StreamRequest { Finish = new Finish() }, over);
        await call.RequestStream.CompleteAsync();
        await reading;
    }

    public async Task RecordingAsync(CancellationToken over) => await mallory.Tagging.TagAsync(
        new TagRequest { Format = SoakAudio.Format, Audio = SoakAudio.Slice(2, 0, 20 * SoakAudio.Rate) }, Options(over));

    /// <summary>Streams that get no audio; the oldest ends when there are enough.</summary>
    public async Task SilentAsync(CancellationToken over)
    {
        _silent.Enqueue(await BeginAsync(SoakAudio.Format, over));
        if (_silent.Count > Silent)
        {
            using var oldest = _silent.Dequeue();
            await oldest.RequestStream.WriteAsync(new StreamRequest { Finish = new Finish() }, over);
            await oldest.RequestStream.CompleteAsync();
            await ReadAsync(oldest, over);
        }
    }

    /// <summary>32 bytes each, of which each claims 12 MB.</summary>
    public async Task ClaimLossAsync(CancellationToken over)
    {
        using var call = await BeginAsync(Widest, over);
        var reading = ReadAsync(call, over);
        for (var claim = 1L; claim <= Claims; claim++)
        {
            var lost = claim * LossSeconds * Widest.SampleRateHz;
            var audio = new Audio { FirstSample = lost, AfterLoss = true, Data = ByteString.CopyFrom(new byte[4 * Widest.Channels]) };
            await call.RequestStream.WriteAsync(new StreamRequest { Audio = audio }, over);
        }
        await call.RequestStream.WriteAsync(new StreamRequest { Finish = new Finish() }, over);
        await call.RequestStream.CompleteAsync();
        await reading;
    }

    /// <summary>Subscribes to all that the flood makes, and reads none of it.</summary>
    public async Task ReadNothingAsync(CancellationToken over)
    {
        var all = new SubscribeRequest { AllStreams = true, FromChunk = 0, Filter = new TagFilter { Top = 0, Dense = true } };
        using var call = mallory.Tagging.Subscribe(all, cancellationToken: over);
        await call.ResponseHeadersAsync;
        await Task.Delay(Attention, over);
    }

    private async Task<AsyncDuplexStreamingCall<StreamRequest, StreamResponse>> BeginAsync(V1.AudioFormat format, CancellationToken over)
    {
        var call = mallory.Tagging.Stream(cancellationToken: over);
        await call.RequestStream.WriteAsync(new StreamRequest { Config = Config(format) }, over);
        await call.ResponseStream.MoveNext(over);
        return call;
    }

    private StreamConfig Config(V1.AudioFormat format) => new()
    {
        StreamId = $"mallory-{Interlocked.Increment(ref _stream)}",
        Format = format,
        Filter = new TagFilter { Top = 0, Dense = true },
    };

    private static async Task ReadAsync(AsyncDuplexStreamingCall<StreamRequest, StreamResponse> call, CancellationToken over)
    {
        while (await call.ResponseStream.MoveNext(over))
        {
        }
    }

    private static CallOptions Options(CancellationToken over) =>
        new(deadline: TimeProvider.System.GetUtcNow().UtcDateTime + Deadline, cancellationToken: over);
}
