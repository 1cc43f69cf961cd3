using System.Diagnostics;
using Dass.Grid.Client;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Dass.Grid.Soak;

/// <summary>
/// One place of a tenant: streams one after the other, in real time, until the soak is over. Of ten places of a tenant one has short
/// streams, and one breaks its calls off and comes back.
/// </summary>
internal sealed class Feeder(GridClient grid, ClientTally tally, Phases phases, int place, SoakOptions options, Task over)
{
    private const int Kinds = 10;
    private static readonly TimeSpan Refused = TimeSpan.FromSeconds(5);

    private readonly Random _random = new(place);
    private readonly bool _isShort = place / options.Tenants % Kinds == 0;
    private readonly bool _breaks = place / options.Tenants % Kinds == 1;
    private readonly long _piece = (long)(options.Chunk.TotalSeconds * SoakAudio.Rate);
    private readonly long[] _sentAt = new long[64]; // timestamps of the last samples of chunks, by chunk; the older are overwritten
    private long _nextChunk;
    private long _sent; // samples of the stream, once it is finished
    private long _began; // when its first sample was due; 0: it has not begun

    public static string Name(int place, int stream) => $"place-{place}-{stream}";

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        for (var stream = 0; !over.IsCompleted; stream++)
        {
            (_nextChunk, _sent, _began) = (0, 0, 0);
            Array.Clear(_sentAt);
            var id = Name(place, stream);
            var end = _isShort ? (long)(Between(60, 180).TotalSeconds * SoakAudio.Rate) : long.MaxValue;
            try
            {
                while (!await CallAsync(id, end, cancellationToken))
                {
                    await Task.Delay(Between(0, 3), cancellationToken);
                }
                tally.OnEnded(_sent);
            }
            catch (RpcException refused) when (_began == 0 && refused.StatusCode is StatusCode.ResourceExhausted or StatusCode.Unavailable)
            {
                tally.OnRefused();
                await Task.WhenAny(over, Task.Delay(Refused, cancellationToken));
            }
            catch (RpcException broken) when (!cancellationToken.IsCancellationRequested)
            {
                tally.OnFailed($"{broken.StatusCode}: {broken.Status.Detail.Replace(id, "ID", StringComparison.Ordinal)}");
            }
        }
    }

    /// <returns>Whether the stream has ended; if not, the call was broken off here, or by a grid that is too busy.</returns>
    private async Task<bool> CallAsync(string id, long end, CancellationToken cancellationToken)
    {
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var call = grid.Tagging.Stream(cancellationToken: leaving.Token);
        var config = new StreamConfig
        {
            StreamId = id,
            Format = SoakAudio.Format,
            Chunk = options.Chunk.ToDuration(),
            LookAhead = options.LookAhead.ToDuration(),
            Filter = new TagFilter { Top = 1 },
            FromChunk = _nextChunk,
        };
        var writing = Task.CompletedTask;
        try
        {
            await call.RequestStream.WriteAsync(new StreamRequest { Config = config }, cancellationToken);
            await call.ResponseStream.MoveNext(cancellationToken);
            if (_began == 0)
            {
                tally.OnBegun();
                _began = Stopwatch.GetTimestamp();
            }
            writing = WriteAsync(call.RequestStream, call.ResponseStream.Current.Ready.NextSample, end, leaving);
            while (await call.ResponseStream.MoveNext(leaving.Token))
            {
                if (Take(call.ResponseStream.Current))
                {
                    return true;
                }
            }
            throw new RpcException(new Status(StatusCode.Internal, "the call ended before the stream"));
        }
        catch (Exception) when (leaving.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            tally.OnBroken();
            return false;
        }
        catch (RpcException busy) when (busy.StatusCode == StatusCode.Unavailable && _began != 0)
        {
            tally.OnInterrupted();
            return false;
        }
        finally
        {
            await leaving.CancelAsync();
            await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Sends a chunk's audio when its last sample is due, until the stream's end or the soak's; or breaks the call off.</summary>
    private async Task WriteAsync(IClientStreamWriter<StreamRequest> to, long next, long end, CancellationTokenSource leaving)
    {
        var leave = _breaks ? Stopwatch.GetTimestamp() + (long)(Between(20, 60).TotalSeconds * Stopwatch.Frequency) : long.MaxValue;
        while (next < end && !over.IsCompleted)
        {
            var until = Math.Min(next + _piece, end);
            var early = TimeSpan.FromSeconds((double)until / SoakAudio.Rate) - Stopwatch.GetElapsedTime(_began);
            if (early > TimeSpan.Zero && await Task.WhenAny(over, Task.Delay(early, leaving.Token)) == over)
            {
                break;
            }
            if (Stopwatch.GetTimestamp() > leave)
            {
                await leaving.CancelAsync();
                return;
            }
            if (until % _piece == 0)
            {
                _sentAt[(until / _piece - 1) % _sentAt.Length] = Stopwatch.GetTimestamp();
            }
            var audio = new Audio { FirstSample = next, Data = SoakAudio.Slice(place, next, until) };
            await to.WriteAsync(new StreamRequest { Audio = audio }, leaving.Token);
            next = until;
        }
        _sent = next;
        await to.WriteAsync(new StreamRequest { Finish = new Finish() }, leaving.Token);
        await to.CompleteAsync();
    }

    /// <returns>Whether it was the last answer.</returns>
    private bool Take(StreamResponse response)
    {
        switch (response)
        {
            case { Ack: { } ack }:
                tally.OnWaited(ack.DeviceWait?.ToTimeSpan() ?? TimeSpan.Zero);
                break;
            case { Tags: { } tags }:
                if (tags.Chunk != _nextChunk)
                {
                    tally.OnAstray();
                }
                _nextChunk = tags.Chunk + 1;
                if (_sentAt[tags.Chunk % _sentAt.Length] is not 0 and var sent)
                {
                    phases.OnTagged(Stopwatch.GetElapsedTime(sent));
                }
                Close(tags.Events);
                break;
            case { Events: { } list }:
                Close(list.Events);
                break;
            case { Gap: { } gap }:
                tally.OnFailed($"gap: {gap.Reason}");
                break;
            case { Summary: { } summary }:
                if (Math.Abs(summary.DurationSeconds - (double)_sent / SoakAudio.Rate) > 1e-6)
                {
                    tally.OnAstray();
                }
                return true;
        }
        return false;
    }

    private void Close(IEnumerable<Event> events) => tally.OnClosed(events.Count(sound => sound.Kind == EventKind.Closed));

    private TimeSpan Between(double least, double most) => TimeSpan.FromSeconds(least + _random.NextDouble() * (most - least));
}
