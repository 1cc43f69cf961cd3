using Google.Protobuf;

namespace Dass.Grid.Gateway.Protocol;

/// <summary>The one place where refusals and failures become status codes.</summary>
internal static class StatusMapping
{
    /// <summary>Trailer: seconds after which the same call may succeed.</summary>
    public const string RetryAfter = "retry-after";

    /// <summary>Trailer of RESOURCE_EXHAUSTED: the limit that is reached.</summary>
    public const string Limit = "dass-limit";

    /// <summary>The value, or the refusal as an <see cref="RpcException"/>.</summary>
    public static T OrThrow<T>(this Outcome<T> outcome)
        where T : class => outcome.Has(out var value, out var refusal) ? value : throw FromRefusal(refusal);

    public static RpcException FromRefusal(Refusal refusal)
    {
        var trailers = new Metadata();
        if (refusal.RetryAfter is { } wait)
        {
            trailers.Add(RetryAfter, FormattableString.Invariant($"{Math.Ceiling(wait.TotalSeconds)}"));
        }
        if (refusal.Limit is { } limit)
        {
            trailers.Add(Limit, limit);
        }
        else if (refusal.Code == RefusalCode.NoFreeSlot)
        {
            trailers.Add(Limit, refusal.RetryAfter is null ? "slots" : "device_time");
        }
        return new RpcException(Status(refusal), trailers);
    }

    private static Status Status(Refusal refusal) => new(
        refusal.Code switch
        {
            RefusalCode.InvalidRequest => StatusCode.InvalidArgument,
            RefusalCode.PositionGap => StatusCode.OutOfRange,
            RefusalCode.UnknownStream or RefusalCode.UnknownModel or RefusalCode.UnknownTenant
                or RefusalCode.UnknownSilo => StatusCode.NotFound,
            RefusalCode.StreamEnded or RefusalCode.ShapeDiffers or RefusalCode.NoOtherSilo => StatusCode.FailedPrecondition,
            RefusalCode.TakenOver => StatusCode.Aborted,
            RefusalCode.NoFreeSlot or RefusalCode.LimitReached => StatusCode.ResourceExhausted,
            RefusalCode.AlreadyExists => StatusCode.AlreadyExists,
            RefusalCode.Busy or RefusalCode.Moved => StatusCode.Unavailable,
            _ => StatusCode.Internal,
        },
        refusal.Message);

    /// <param name="failure">What ended the call.</param>
    /// <param name="revoked">Why the caller has lost its right; null: it has not.</param>
    /// <param name="stream">The call's stream, as its client names it; null: none yet.</param>
    /// <param name="stopping">Whether this gateway is stopping.</param>
    /// <param name="maxMessageBytes">The limit that an oversized message broke.</param>
    public static RpcException FromFailure(
        Exception failure, RpcException? revoked, string? stream, bool stopping, int maxMessageBytes) => failure switch
    {
        // The gRPC library's own message names neither field nor value.
        RpcException { StatusCode: StatusCode.ResourceExhausted } rpc when rpc.Status.Detail.Contains("maximum configured message size") =>
            ProtocolErrors.MessageTooLong(maxMessageBytes),
        RpcException rpc => rpc,
        OperationCanceledException when revoked is not null => revoked,
        OperationCanceledException when stopping => New(StatusCode.Unavailable, $"this gateway is stopping. {Again(stream)}"),
        InvalidProtocolBufferException broken => ProtocolErrors.BrokenMessage(broken), // which is an IOException, too
        OperationCanceledException or IOException => New(StatusCode.Cancelled, "the call was cancelled."),
        _ when IsOver(failure) => New(StatusCode.Cancelled, "the call was cancelled."),
        TimeoutException => New(StatusCode.Unavailable, $"the silo did not answer in time. {Again(stream)}"),
        _ when IsWithoutSilo(failure) => New(StatusCode.Unavailable, $"this gateway has no silo now. {Again(stream)}"),
        OrleansException => New(StatusCode.Unavailable, $"no silo can be reached now. {Again(stream)}"),
        _ => New(StatusCode.Internal, "the grid failed; its log says why."),
    };

    /// <summary>
    /// Orleans' message of a grain type that no silo of this gateway's cluster offers: none has joined yet, or all have gone.
    /// </summary>
    public static bool IsWithoutSilo(Exception failure) =>
        failure is ArgumentException && failure.Message.StartsWith("Could not find an implementation", StringComparison.Ordinal);

    /// <summary>
    /// The gRPC library's message of a read or a write after the client has gone or its deadline has passed, when the call has not heard of
    /// that yet.
    /// </summary>
    private static bool IsOver(Exception failure) =>
        failure is InvalidOperationException && failure.Message.EndsWith(" the request is complete.", StringComparison.Ordinal);

    private static string Again(string? stream) => stream is not null
        ? $"Call again with stream_id '{stream}'; Ready says from which sample to go on."
        : "Call again.";

    private static RpcException New(StatusCode code, string message) => new(new Status(code, message));
}
