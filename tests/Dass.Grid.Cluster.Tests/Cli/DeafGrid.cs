using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.DependencyInjection;

namespace Dass.Grid.Cluster.Tests.Cli;

/// <summary>Keeps the acknowledgements of a grid's first call back, so that its sender runs out of room.</summary>
/// <param name="samples">Samples of one channel of 16 bits that the first call is waited for.</param>
internal sealed class DeafGrid(long samples) : Interceptor
{
    private readonly TaskCompletionSource _heard = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long _wanted = samples;
    private int _calls;
    private long _samples;

    /// <summary>Completes when the first call has brought so many samples.</summary>
    public Task Heard => _heard.Task;

    /// <summary>Samples that the first call has brought.</summary>
    public long Samples => Volatile.Read(ref _samples);

    public Task<TestGrid> StartAsync() => TestGrid.StartAsync(configure: builder =>
    {
        builder.Services.AddSingleton(this);
        builder.Services.Configure<GrpcServiceOptions>(grpc => grpc.Interceptors.Add<DeafGrid>());
    });

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requests,
        IServerStreamWriter<TResponse> responses,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        Interlocked.Increment(ref _calls) == 1
            ? continuation(new Counting<TRequest>(this, requests), new WithoutAcks<TResponse>(responses), context)
            : continuation(requests, responses, context);

    private sealed class Counting<T>(DeafGrid grid, IAsyncStreamReader<T> requests) : IAsyncStreamReader<T>
    {
        public T Current => requests.Current;

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            var more = await requests.MoveNext(cancellationToken);
            if (
                more && Current is StreamRequest { Audio: { } audio } && Interlocked.Add(
                    ref grid._samples, audio.Data.Length / sizeof(short)) >= grid._wanted)
            {
                grid._heard.TrySetResult();
            }
            return more;
        }
    }

    private sealed class WithoutAcks<T>(IServerStreamWriter<T> responses) : IServerStreamWriter<T>
    {
        public WriteOptions? WriteOptions
        {
            get => responses.WriteOptions;
            set => responses.WriteOptions = value;
        }

        public Task WriteAsync(T message) => WriteAsync(message, CancellationToken.None);

        public Task WriteAsync(T message, CancellationToken cancellationToken) =>
            message is StreamResponse { Ack: not null } ? Task.CompletedTask : responses.WriteAsync(message, cancellationToken);
    }
}
