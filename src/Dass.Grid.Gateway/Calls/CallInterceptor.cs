using Dass.Grid.Gateway.Tenants;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway;

/// <summary>Around every call: who calls, how it ended, and the measurement of both.</summary>
internal sealed partial class CallInterceptor(
    TenantKeys keys,
    LiveCalls live,
    GatewayInstruments instruments,
    CallDrain drain,
    IOptions<GatewayOptions> options,
    IHostApplicationLifetime lifetime,
    ILogger<CallInterceptor> logger) : Interceptor
{
    private static readonly string AdminMethods = $"/{V1.Admin.Descriptor.FullName}/";

    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        Guard(context, () => continuation(request, context));

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responses, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        Guard(context, () => Done(continuation(request, responses, context)));

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requests,
        IServerStreamWriter<TResponse> responses,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        Guard(context, () => Done(continuation(requests, responses, context)));

    private async Task<T> Guard<T>(ServerCallContext context, Func<Task<T>> continuation)
    {
        drain.Enter(context.GetHttpContext());
        using var call = CallState.Begin(context);
        var status = StatusCode.OK;
        instruments.OnCallBegun(call.Method);
        try
        {
            if (context.Method.StartsWith(AdminMethods, StringComparison.Ordinal))
            {
                keys.RequireAdmin(context.RequestHeaders);
                return await continuation();
            }
            call.Caller = keys.CallerOf(context.RequestHeaders);
            live.Enter(call);
            return await continuation();
        }
        catch (Exception failure)
        {
            var mapped = StatusMapping.Of(failure, call, lifetime.ApplicationStopping.IsCancellationRequested, options.Value.MaxMessageBytes);
            status = mapped.StatusCode;
            if (status == StatusCode.Internal)
            {
                LogFailed(call.Method, call.Tenant, call.Stream, failure);
            }
            else
            {
                LogEnded(call.Method, call.Tenant, call.Stream, status, mapped.Status.Detail);
            }
            throw mapped;
        }
        finally
        {
            live.Leave(call);
            instruments.OnCallEnded(call.Method, status);
        }
    }

    private static async Task<bool> Done(Task call)
    {
        await call;
        return true;
    }

    [LoggerMessage(LogLevel.Error, "{Method} of tenant {Tenant} on stream {Stream} failed.")]
    private partial void LogFailed(string method, string tenant, string? stream, Exception failure);

    [LoggerMessage(LogLevel.Information, "{Method} of tenant {Tenant} on stream {Stream} ended with {Status}: {Message}")]
    private partial void LogEnded(string method, string tenant, string? stream, StatusCode status, string message);
}
