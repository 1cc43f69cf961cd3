using System.Collections.Concurrent;
using System.Diagnostics;
using Grpc.Core;
using Grpc.Core.Interceptors;

namespace Dass.Grid.Cluster.Tests.Fuzz;

/// <summary>
/// What the grid's side knows of calls with several messages. Once in some hundred thousand calls the first message does not come out of
/// the client's or the web server's HTTP/2: the grid waits for it, and the client for an answer, until the deadline. This tells such a call
/// from one that the grid has got and does not answer.
/// </summary>
internal sealed class FuzzWitness : Interceptor
{
    /// <summary>Header that names the call.</summary>
    public const string Header = "fuzz-call";

    private readonly ConcurrentDictionary<string, Call> _calls = new();

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        var call = context.RequestHeaders.GetValue(Header) ?? "";
        var seen = new Call();
        _calls[call] = seen;
        var end = "OK";
        try
        {
            await continuation(new Reader<TRequest>(requestStream, seen), responseStream, context);
        }
        catch (Exception failure)
        {
            end = failure is RpcException { Status: var status } ? $"{status.StatusCode}: {status.Detail}" : failure.GetType().Name;
            throw;
        }
        finally
        {
            seen.EndWith(end);
        }
    }

    /// <summary>Forgets a call.</summary>
    /// <returns>Whether HTTP/2 has lost a part of it, the first message or the answer, and what is known of it.</returns>
    public (bool IsLost, string What) Take(FuzzCall call) => _calls.TryRemove($"{call.Index}", out var seen)
        ? (seen.Lasted < FuzzCall.Patience / 2 || seen is { Read: 0, Waits: true }, seen.ToString())
        : (false, "the grid has never seen it");

    private sealed class Call
    {
        private readonly long _begun = Stopwatch.GetTimestamp();
        private volatile string? _end;

        /// <summary>Messages of the client that the grid has read.</summary>
        public int Read { get; set; }

        /// <summary>Whether the grid waits for one.</summary>
        public bool Waits { get; set; }

        public TimeSpan Lasted { get; private set; } = TimeSpan.MaxValue;

        public void EndWith(string end) => (Lasted, _end) = (Stopwatch.GetElapsedTime(_begun), end);

        public override string ToString() => _end is { } end
            ? $"the grid ended it after {Lasted.TotalSeconds:F3} s and {Read} messages: {end}"
            : $"the grid has had it for {Stopwatch.GetElapsedTime(_begun).TotalSeconds:F1} s, has read {Read} messages, waits for more: "
                + $"{Waits}";
    }

    private sealed class Reader<T>(IAsyncStreamReader<T> from, Call call) : IAsyncStreamReader<T>
    {
        public T Current => from.Current;

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            call.Waits = true;
            var has = await from.MoveNext(cancellationToken);
            call.Waits = false;
            call.Read += has ? 1 : 0;
            return has;
        }
    }
}
