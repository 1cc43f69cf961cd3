using Dass.Grid.Gateway.Protocol;
using Dass.Grid.Gateway.Tenants;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Calls;

/// <summary>Around every call of every protocol: authenticates the caller, maps failures to status codes, and measures calls.</summary>
internal sealed partial class CallGuard(
    CallerAuthenticator callers,
    LiveCalls live,
    GatewayInstruments instruments,
    CallDrain drain,
    IOptions<GatewayOptions> options,
    IHostApplicationLifetime lifetime,
    ILogger<CallGuard> logger)
{
    /// <summary>Serves a call, or refuses it.</summary>
    /// <param name="http">Where the call comes from.</param>
    /// <param name="call">Ended by the caller.</param>
    /// <param name="isAdmin">Whether the call needs an admin's key instead of a tenant's.</param>
    /// <param name="work">Serves the call.</param>
    /// <exception cref="RpcException">Every way in which the call can fail.</exception>
    public async Task<T> RunAsync<T>(HttpContext http, CallState call, bool isAdmin, Func<Task<T>> work)
    {
        drain.Add(http);
        var (status, protocol) = (StatusCode.OK, HttpProtocol.IsHttp2(http.Request.Protocol) ? "grpc" : "web");
        instruments.OnCallBegun(call.Method, protocol);
        try
        {
            if (isAdmin)
            {
                callers.RequireAdmin(http);
                return await work();
            }
            call.Caller = await callers.AuthenticateAsync(http);
            live.Add(call);
            return await work();
        }
        catch (Exception failure)
        {
            var mapped = StatusMapping.FromFailure(
                failure, call.Reason, call.Stream, lifetime.ApplicationStopping.IsCancellationRequested, options.Value.MaxMessageBytes);
            status = mapped.StatusCode;
            if (status == StatusCode.Internal)
            {
                LogFailed(call.Method, call.Tenant, call.Stream, failure);
            }
            else
            {
                LogEnded(call.Method, call.Tenant, call.Stream, status, mapped.Status.Detail);
            }
            if (status == StatusCode.ResourceExhausted)
            {
                instruments.OnRefused(mapped.Trailers.GetValue(StatusMapping.Limit) ?? "other");
            }
            if (mapped.Trailers.GetValue(StatusMapping.RetryAfter) is { } seconds && !http.Response.HasStarted)
            {
                http.Response.Headers.RetryAfter = seconds; // for clients of plain HTTP
            }
            throw mapped;
        }
        finally
        {
            live.Remove(call);
            instruments.OnCallEnded(call.Method, protocol, status);
        }
    }

    /// <summary>The call ends when its client cancels it, when its key is revoked, or when this gateway stops.</summary>
    public CancellationTokenSource Ending(CallState call, CancellationToken client) =>
        CancellationTokenSource.CreateLinkedTokenSource(client, lifetime.ApplicationStopping, call.Revoked);
}
