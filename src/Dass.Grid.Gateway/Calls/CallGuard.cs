using System.Diagnostics;
using Dass.Grid.Gateway.Grid;
using Dass.Grid.Gateway.Protocol;
using Dass.Grid.Gateway.Tenants;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Calls;

/// <summary>
/// Around every call of every protocol: admits its caller, maps failures to status codes, and measures calls.
/// </summary>
internal sealed partial class CallGuard(
    CallerAuthenticator callers,
    LiveCalls live,
    GatewayInstruments instruments,
    CallDrain drain,
    IOptions<GatewayOptions> options,
    IHostApplicationLifetime lifetime,
    ILogger<CallGuard> logger)
{
    /// <summary>Authenticates a call by its headers; its body is not read.</summary>
    /// <param name="http">Where the call comes from; it carries the caller to <see cref="RunAsync"/>.</param>
    /// <param name="method">The method's own name, e.g. <c>Stream</c>.</param>
    /// <param name="isAdmin">Whether the call needs an admin's key instead of a tenant's.</param>
    /// <exception cref="RpcException">Every reason not to let the call in.</exception>
    public async Task AdmitAsync(HttpContext http, string method, bool isAdmin)
    {
        try
        {
            if (isAdmin)
            {
                callers.RequireAdmin(http);
                http.Features.Set(new Admission(Caller: null));
            }
            else
            {
                http.Features.Set(new Admission(await callers.AuthenticateAsync(http)));
            }
        }
        catch (Exception failure)
        {
            throw Refuse(http, method, failure);
        }
    }

    /// <summary>Measures and logs a call that is not let in.</summary>
    public RpcException Refuse(HttpContext http, string method, Exception reason)
    {
        var protocol = ProtocolOf(http);
        instruments.OnCallBegun(method, protocol);
        using var call = new CallState(method);
        var mapped = Map(http, call, reason);
        instruments.OnCallEnded(method, protocol, mapped.StatusCode);
        return mapped;
    }

    /// <summary>Serves a call that has been admitted, or refuses it.</summary>
    /// <param name="http">Where the call comes from.</param>
    /// <param name="call">Ended by the caller.</param>
    /// <param name="isAdmin">Whether it must have been admitted as an admin's.</param>
    /// <param name="work">Serves the call.</param>
    /// <exception cref="RpcException">Every way in which the call can fail.</exception>
    public async Task<T> RunAsync<T>(HttpContext http, CallState call, bool isAdmin, Func<Task<T>> work)
    {
        drain.Add(http);
        var (status, protocol) = (StatusCode.OK, ProtocolOf(http));
        instruments.OnCallBegun(call.Method, protocol);
        try
        {
            var admission = http.Features.Get<Admission>();
            if (admission is null || isAdmin != admission.Caller is null)
            {
                throw isAdmin ? ProtocolErrors.NoAdmin() : ProtocolErrors.NoKey();
            }
            if (admission.Caller is { } caller)
            {
                call.Caller = caller;
                live.Add(call);
            }
            return await work();
        }
        catch (Exception failure)
        {
            var mapped = Map(http, call, failure);
            status = mapped.StatusCode;
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

    private static string ProtocolOf(HttpContext http) => HttpProtocol.IsHttp2(http.Request.Protocol) ? "grpc" : "web";

    private bool IsOver(HttpContext http, CallState call) => http.RequestAborted.IsCancellationRequested
        || call.Client.IsCancellationRequested || call.Reason is not null || lifetime.ApplicationStopping.IsCancellationRequested;

    private RpcException Map(HttpContext http, CallState call, Exception failure)
    {
        if (failure is OperationCanceledException && !IsOver(http, call))
        {
            failure = Recovery.Unanswered(failure);
        }
        var mapped = StatusMapping.FromFailure(
            failure, call.Reason, call.Stream, lifetime.ApplicationStopping.IsCancellationRequested, options.Value.MaxMessageBytes);
        if (mapped.StatusCode == StatusCode.Internal)
        {
            LogFailed(call.Method, Named(call.Tenant), Named(call.Stream), failure);
        }
        else
        {
            LogEnded(call.Method, Named(call.Tenant), Named(call.Stream), mapped.StatusCode, mapped.Status.Detail);
        }
        if (mapped.StatusCode == StatusCode.ResourceExhausted)
        {
            instruments.OnRefused(mapped.Trailers.GetValue(StatusMapping.Limit) ?? "other");
            if (http.Features.Get<IHttpActivityFeature>()?.Activity is { } trace)
            {
                trace.ActivityTraceFlags |= ActivityTraceFlags.Recorded; // a refusal's trace is kept in any case
            }
        }
        if (mapped.Trailers.GetValue(StatusMapping.RetryAfter) is { } seconds && !http.Response.HasStarted)
        {
            http.Response.Headers.RetryAfter = seconds; // for clients of plain HTTP
        }
        return mapped;
    }
}
