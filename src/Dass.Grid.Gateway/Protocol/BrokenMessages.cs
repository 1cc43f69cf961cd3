using Google.Protobuf;
using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Builder;

namespace Dass.Grid.Gateway.Protocol;

/// <summary>
/// A single request is parsed before any interceptor: when its bytes are no message, the gRPC library answers UNKNOWN. Here it is answered
/// as what it is, an invalid argument.
/// </summary>
internal static class BrokenMessages
{
    public static void AreInvalid(EndpointBuilder endpoint)
    {
        var serve = endpoint.RequestDelegate!;
        endpoint.RequestDelegate = async context =>
        {
            await serve(context);
            var call = context.Features.Get<IServerCallContextFeature>()?.ServerCallContext;
            if (call?.Status.DebugException is InvalidProtocolBufferException broken && !context.Response.HasStarted)
            {
                var status = ProtocolErrors.BrokenMessage(broken).Status;
                context.Response.Headers["grpc-status"] = $"{(int)status.StatusCode}";
                context.Response.Headers["grpc-message"] = Uri.EscapeDataString(status.Detail);
            }
        };
    }
}
