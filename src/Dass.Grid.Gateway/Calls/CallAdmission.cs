using Dass.Grid.Gateway.Protocol;
using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Calls;

/// <summary>
/// Lets calls in by their headers, before anything of their bodies is read: what a stranger sends takes no memory. It stands before all
/// endpoints of the gateway; <see cref="CallGuard"/> serves no call that has not been admitted here.
/// </summary>
internal sealed class CallAdmission(
    CallGuard guard, CallDrain drain, IOptions<GatewayOptions> options, IHostApplicationLifetime lifetime, TimeProvider time)
{
    /// <summary>Of the places for calls without a credential, the part that one address may take.</summary>
    private const int Addresses = 4;

    /// <summary>For an answer that a stopping gateway owes a call without a credential: none takes long to make.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(500);

    private readonly PlacesByAddress _keyless = new(options.Value.MaxKeylessCalls, options.Value.MaxKeylessCalls / Addresses);

    public async Task RunAsync(HttpContext http, RequestDelegate serve)
    {
        var endpoint = http.GetEndpoint();
        if (endpoint?.Metadata.GetMetadata<EndpointCredential>() is not { } needed)
        {
            await serve(http); // no endpoint of the gateway: nothing is served
            return;
        }
        var method = needed.Method ?? endpoint.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.Name ?? "other";
        if (needed.Kind == CredentialKind.Keyless)
        {
            await ServeKeylessAsync(http, method, serve);
            return;
        }
        try
        {
            await guard.AdmitAsync(http, method, needed.Kind == CredentialKind.Admin);
        }
        catch (RpcException refusal)
        {
            await HttpRefusals.AnswerAsync(http, refusal);
            return;
        }
        ConnectionLimits.OnAuthenticated(http);
        await serve(http);
    }

    private async Task ServeKeylessAsync(HttpContext http, string method, RequestDelegate serve)
    {
        var address = PlacesByAddress.AddressFrom(http.Connection.RemoteIpAddress);
        if (!_keyless.TryAcquire(address))
        {
            await HttpRefusals.AnswerAsync(http, guard.Refuse(http, method, ProtocolErrors.KeylessCalls(options.Value.MaxKeylessCalls)));
            return;
        }
        try
        {
            // Reflection reads until its client ends it. The web server would wait for that, and leave the silo no time to stop in order.
            drain.Add(http);
            using var late = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
            using var unreading = late.Token.Register(http.Request.BodyReader.CancelPendingRead);
            using var stopping = lifetime.ApplicationStopping.Register(() => late.CancelAfter(Grace));
            await serve(http);
        }
        finally
        {
            _keyless.Release(address);
        }
    }
}
