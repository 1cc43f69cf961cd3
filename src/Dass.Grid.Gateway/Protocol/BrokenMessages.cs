using Google.Protobuf;
using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Dass.Grid.Gateway.Protocol;

/// <summary>
/// A single request is parsed before any interceptor: when its bytes are no message, the gRPC library answers UNKNOWN. Here it is answered
/// as what it is, an invalid argument.
/// </summary>
internal static partial class BrokenMessages
{
    private static readonly string[] Categories =
        ["Grpc.AspNetCore.Server.ServerCallHandler", "Grpc.AspNetCore.Grpc.JsonTranscoding.ServerCallHandler"];

    /// <summary>
    /// The gRPC library logs a client's broken message as an error with its stack: an alarm that any stranger can raise. Its categories are
    /// silent, unless the configuration sets their levels; failures that are no client's are logged here.
    /// </summary>
    public static void AreNoAlarm(LoggerFilterOptions filter)
    {
        foreach (var category in Categories)
        {
            filter.Rules.Insert(0, new LoggerFilterRule(providerName: null, category, LogLevel.None, filter: null));
        }
    }

    public static void AreInvalid(EndpointBuilder endpoint)
    {
        var serve = endpoint.RequestDelegate!;
        endpoint.RequestDelegate = async context =>
        {
            await serve(context);
            var call = context.Features.Get<IServerCallContextFeature>()?.ServerCallContext;
            if (call?.Status.DebugException is { } failure and not (RpcException or IOException or OperationCanceledException))
            {
                LogFailed(context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(BrokenMessages)), failure);
            }
            if (call?.Status.DebugException is InvalidProtocolBufferException broken && !context.Response.HasStarted)
            {
                var status = ProtocolErrors.BrokenMessage(broken).Status;
                context.Response.Headers["grpc-status"] = $"{(int)status.StatusCode}";
                context.Response.Headers["grpc-message"] = Uri.EscapeDataString(status.Detail);
            }
        };
    }
}
