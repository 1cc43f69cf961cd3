using System.Collections.Concurrent;
using System.Diagnostics;
using Dass.Grid.V1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Dass.Grid.Benchmarks;

/// <summary>Streams in real time through gRPC, a chunk's audio in each message, and subscribers of all of them.</summary>
internal sealed class HostLoad : IAsyncDisposable
{
    private const int CallsPerConnection = 100;
    private static readonly TimeSpan Chunk = TimeSpan.FromSeconds(0.96);

    private readonly CancellationTokenSource _ending = new();
    private readonly List<GrpcChannel> _channels = [];
    private readonly List<Task> _calls = [];
    private readonly ByteString _piece = UnsafeByteOperations.UnsafeWrap(HostProcess.Noise());
    private readonly string _prefix = Guid.NewGuid().ToString("N")[..8];
    private long _sent;
    private long _late; // ticks, all messages together
    private long _seen;
    private long _tagged;
    private ConcurrentBag<double> _delays = [];

    /// <summary>
    /// Messages that have been sent, how late they were together (s), chunks that subscribers have seen, and those that feeders have.
    /// </summary>
    public (long Sent, double Late, long Seen, long Tagged) Count => (
        Interlocked.Read(ref _sent), TimeSpan.FromTicks(Interlocked.Read(ref _late)).TotalSeconds, Interlocked.Read(ref _seen),
        Interlocked.Read(ref _tagged));

    /// <summary>Of the chunks since the last call: from the send of the last audio that the chunk needs to its tags, s.</summary>
    public List<double> TakeDelays() => [.. Interlocked.Exchange(ref _delays, [])];

    /// <param name="address">Of the host.</param>
    /// <param name="streams">That begin within some chunks' time.</param>
    /// <param name="subscribers">Each of all streams.</param>
    /// <param name="pace">In real time; else as fast as the host lets them.</param>
    /// <param name="messages">Into which a chunk's audio is cut.</param>
    public void Start(Uri address, int streams, int subscribers, bool pace = true, int messages = 1)
    {
        var tagging = new Tagging.TaggingClient[(streams + subscribers) / CallsPerConnection + 1];
        for (var i = 0; i < tagging.Length; i++)
        {
            _channels.Add(GrpcChannel.ForAddress(address));
            tagging[i] = new Tagging.TaggingClient(_channels[i]);
        }
        for (var i = 0; i < subscribers; i++)
        {
            _calls.Add(WatchAsync(tagging[^1]));
        }
        for (var i = 0; i < streams; i++)
        {
            _calls.Add(FeedAsync(tagging[i / CallsPerConnection], i, (double)i / streams, pace, messages));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await Task.WhenAll(_calls).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _channels.ForEach(channel => channel.Dispose());
    }

    /// <summary>Why calls have ended; null: all go on.</summary>
    public string? Failure => _calls.FirstOrDefault(call => call.IsCompleted) is { } ended
        ? ended.Exception?.GetBaseException().Message ?? "A call has ended."
        : null;

    private async Task FeedAsync(Tagging.TaggingClient tagging, int stream, double phase, bool pace, int messages)
    {
        await Task.Delay(pace ? Chunk * (8 * phase) : TimeSpan.Zero, _ending.Token); // streams do not all begin at once
        using var call = tagging.Stream(cancellationToken: _ending.Token);
        await call.RequestStream.WriteAsync(new StreamRequest
        {
            Config = new StreamConfig
            {
                StreamId = $"{_prefix}-{stream}",
                Format = new AudioFormat { Encoding = Encoding.Pcm16, SampleRateHz = 16_000, Channels = 1 },
            },
        });
        var sent = new ConcurrentDictionary<long, long>(); // by the piece that the chunk is complete with
        var reading = ReadAsync(call.ResponseStream, sent);
        var began = Stopwatch.GetTimestamp();
        var length = _piece.Length / messages;
        for (var message = 1; !reading.IsCompleted; message++)
        {
            var due = message * Chunk / messages;
            var ahead = pace ? due - Stopwatch.GetElapsedTime(began) : TimeSpan.Zero;
            if (ahead > TimeSpan.Zero)
            {
                await Task.Delay(ahead, _ending.Token);
            }
            if (message % messages == 0)
            {
                sent[message / messages - 1] = Stopwatch.GetTimestamp();
            }
            var data = UnsafeByteOperations.UnsafeWrap(_piece.Memory.Slice((message - 1) % messages * length, length));
            await call.RequestStream.WriteAsync(new StreamRequest { Audio = new Audio { Data = data } });
            Interlocked.Increment(ref _sent);
            Interlocked.Add(ref _late, (Stopwatch.GetElapsedTime(began) - due).Ticks);
        }
        await reading;
    }

    private async Task ReadAsync(IAsyncStreamReader<StreamResponse> answers, ConcurrentDictionary<long, long> sent)
    {
        while (await answers.MoveNext(CancellationToken.None))
        {
            // With a look-ahead of 0.64 s and frames of 25 ms, a chunk is complete within the next piece.
            if (answers.Current.Tags is { } tags && sent.TryRemove(tags.Chunk + 1, out var at))
            {
                Interlocked.Increment(ref _tagged);
                _delays.Add(Stopwatch.GetElapsedTime(at).TotalSeconds);
                sent.TryRemove(0, out _);
            }
        }
    }

    private async Task WatchAsync(Tagging.TaggingClient tagging)
    {
        using var call = tagging.Subscribe(new SubscribeRequest { AllStreams = true }, cancellationToken: _ending.Token);
        while (await call.ResponseStream.MoveNext(_ending.Token))
        {
            if (call.ResponseStream.Current.Tags is not null)
            {
                Interlocked.Increment(ref _seen);
            }
        }
    }
}
