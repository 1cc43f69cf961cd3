using Grpc.Core.Interceptors;

namespace Dass.Grid.Gateway.Calls;

/// <summary>Puts the guard around the calls of the gRPC services, those that come as JSON included.</summary>
internal sealed class CallInterceptor(CallGuard guard) : Interceptor
{
    private static readonly string AdminMethods = $"/{V1.Admin.Descriptor.FullName}/";

    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        Guard(context, () => continuation(request, context));

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responses,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        Guard(context, () => Done(continuation(request, responses, context)));

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requests,
        IServerStreamWriter<TResponse> responses,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        Guard(context, () => Done(continuation(requests, responses, context)));

    private async Task<T> Guard<T>(ServerCallContext context, Func<Task<T>> continuation)
    {
        using var call = CallState.Begin(context);
        var isAdmin = context.Method.StartsWith(AdminMethods, StringComparison.Ordinal);
        return await guard.RunAsync(context.GetHttpContext(), call, isAdmin, continuation);
    }

    private static async Task<bool> Done(Task call)
    {
        await call;
        return true;
    }
}
