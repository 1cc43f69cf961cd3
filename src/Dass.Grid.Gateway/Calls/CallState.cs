namespace Dass.Grid.Gateway;

/// <summary>Who calls, and about what.</summary>
internal sealed class CallState(string method)
{
    /// <summary>The method's own name, e.g. <c>Stream</c>.</summary>
    public string Method => method;

    public string Tenant { get; set; } = "";

    /// <summary>The stream's name once it is known, for the words of a failure.</summary>
    public string? Stream { get; set; }

    public static CallState Of(ServerCallContext context) => (CallState)context.UserState[nameof(CallState)];

    public static CallState Begin(ServerCallContext context)
    {
        var call = new CallState(context.Method[(context.Method.LastIndexOf('/') + 1)..]);
        context.UserState[nameof(CallState)] = call;
        return call;
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
}
