using Dass.Grid.Gateway.Protocol;
using Dass.Grid.Gateway.Tenants;

namespace Dass.Grid.Gateway.Calls;

/// <summary>A call's caller, method and stream.</summary>
internal sealed class CallState(string method) : IDisposable
{
    private readonly CancellationTokenSource _revoked = new();

    /// <summary>The method's own name, e.g. <c>Stream</c>.</summary>
    public string Method => method;

    /// <summary>Known from the moment that the call is admitted.</summary>
    public Caller Caller { get; set; } = new("", null, TenantLimits.None, []);

    public string Tenant => Caller.Tenant;

    /// <summary>The stream's name once it is known, for the message of a failure.</summary>
    public string? Stream { get; set; }

    /// <summary>Cancelled when the client has gone, or its deadline has passed.</summary>
    public CancellationToken Client { get; private init; }

    /// <summary>Cancelled when the caller has lost its right.</summary>
    public CancellationToken Revoked => _revoked.Token;

    /// <summary>Why the caller has lost its right; null: it has not.</summary>
    public RpcException? Reason { get; private set; }

    public static CallState From(ServerCallContext context) => (CallState)context.UserState[nameof(CallState)];

    public static CallState Begin(ServerCallContext context)
    {
        var call = new CallState(context.Method[(context.Method.LastIndexOf('/') + 1)..]) { Client = context.CancellationToken };
        context.UserState[nameof(CallState)] = call;
        return call;
    }

    public void Revoke(RpcException reason)
    {
        Reason ??= reason;
        try
        {
            _revoked.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // it has ended meanwhile
        }
    }

    /// <summary>The stream that a request names, scoped by its tenant.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: not a stream id.</exception>
    public StreamId Scope(string name)
    {
        if (!StreamId.IsName(name))
        {
            throw ProtocolErrors.StreamId(name);
        }
        Stream = name;
        return new StreamId(Tenant, name);
    }

    public void Dispose() => _revoked.Dispose();
}
