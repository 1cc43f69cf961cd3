namespace Dass.Grid.Gateway.Protocol;

/// <summary>Every rule of the protocol that a client can break, except those that the grains keep (<see cref="RefusalCode"/>).</summary>
internal static class ProtocolErrors
{
    public static RpcException NoKey() => new(new Status(
        StatusCode.Unauthenticated, "This grid needs an API key in the header 'authorization: Bearer <key>' or 'x-api-key'."));

    public static RpcException ForeignHost(string host) => new(new Status(
        StatusCode.Unauthenticated, $"A grid without keys answers to the names of this machine's loopback only, not to '{Short(host)}'."));

    public static RpcException ForeignOrigin(string origin) => new(new Status(
        StatusCode.PermissionDenied, $"Pages of '{Short(origin)}' may not call here (Grid:Gateway:Origins)."));

    public static RpcException NoOrigin() => new(new Status(
        StatusCode.PermissionDenied, "A call that changes something by a session's cookie needs the header 'origin'; browsers send it."));

    public static RpcException SessionOver() => new(new Status(
        StatusCode.Unauthenticated, "The session is over, or of another grid; open one with POST /v1/session."));

    public static RpcException SessionText(string problem) => Invalid($"the body is no {{\"key\": \"…\"}} in JSON: {problem}.");

    public static RpcException Query(string name, string value, string rule) => Invalid($"{name} is '{Short(value)}'; {rule}.");

    public static RpcException NoPath(string verb, string path) => new(new Status(
        StatusCode.NotFound, $"{Short(verb)} {Short(path)} is nothing here; /openapi/v1.json lists the paths."));

    public static RpcException BrokenWav(string problem) => Invalid($"the body is no WAV file that can be taken: {problem}.");

    public static RpcException NoSocket() => Invalid("this path takes WebSocket connections.");

    public static RpcException BrokenText(string problem) => Invalid($"the text message is no StreamRequest in JSON: {problem}");

    public static RpcException WrongToken() => new(new Status(
        StatusCode.Unauthenticated,
        "The token is not valid here: its signature, issuer (Tokens:Authority) or audience (Tokens:Audience) is another."));

    public static RpcException NoProvider() => new(new Status(
        StatusCode.Unavailable, "the identity provider cannot be asked for its keys now. Call again."));

    public static RpcException NoTenantClaim(string claim) => new(new Status(
        StatusCode.Unauthenticated, $"The token has no claim '{claim}' (Tokens:TenantClaim) with the tenant's name."));

    public static RpcException SeveralTenants(string claim, int count) => new(new Status(
        StatusCode.Unauthenticated, $"The token's claim '{claim}' names {count} tenants; a token is of one."));

    public static RpcException NoSuchTenant(string tenant) => new(new Status(
        StatusCode.Unauthenticated, $"The credential is of '{Short(tenant)}', which is no tenant of this grid."));

    public static RpcException NoCommonName() => new(new Status(
        StatusCode.Unauthenticated, "The client certificate has no common name, or several; it must be the tenant's name."));

    public static RpcException CredentialExpired() => new(new Status(
        StatusCode.Unauthenticated, "The token or certificate has run out; call again with a new one."));

    public static RpcException WrongKey() => new(new Status(StatusCode.Unauthenticated, "The API key belongs to no tenant of this grid."));

    public static RpcException NoAdmin() => new(new Status(
        StatusCode.Unauthenticated,
        "Admin calls need an admin key (Admin:KeyHashes) in the header 'authorization: Bearer <key>' or 'x-api-key'."));

    public static RpcException KeyRevoked() => new(new Status(StatusCode.Unauthenticated, "The API key has been revoked or has run out."));

    public static RpcException TenantDisabled(string tenant) => new(new Status(
        StatusCode.PermissionDenied, $"tenant '{tenant}' is disabled."));

    public static RpcException RegistryUnknown() => new(new Status(
        StatusCode.Unavailable, "this gateway has not read the registry of tenants yet. Call again."));

    public static RpcException ModelNotAllowed(string model) => new(new Status(
        StatusCode.NotFound, $"model '{Short(model)}' is unknown, or not among those that the tenant may use; ListModels names them."));

    public static RpcException SwitchWithoutModel() => Invalid("switch_model is set without model; the model to go on with is needed.");

    public static RpcException MessageTooLong(int bytes, int limit) =>
        Exhausted(
            "message_bytes", $"the message has {bytes} bytes of audio; the tenant's quota message_bytes is {limit}. Send smaller pieces.");

    public static RpcException MessageTooLong(long limit) =>
        Exhausted("message_bytes", $"the request message is larger than {limit} bytes, this grid's limit; send smaller pieces.");

    public static RpcException Subscribers(int limit, int use) =>
        Exhausted("subscribers", $"the tenant's quota subscribers is {limit}, and {use} listen. Call again when one has left.");

    public static RpcException KeylessCalls(int limit) => Exhausted(
        "keyless_calls",
        $"too many calls of health and reflection are open; this grid takes {limit}, and of one address a quarter. Call again later.");

    /// <param name="rate">The tenant's quota.</param>
    /// <param name="wait">Until the recording could be taken in; null: live streams take all of the rate.</param>
    /// <param name="patience">How long it may wait.</param>
    public static RpcException ClipRate(double rate, TimeSpan? wait, TimeSpan patience)
    {
        var refusal = Exhausted(
            "audio_seconds_per_second",
            FormattableString.Invariant($"the tenant's quota audio_seconds_per_second is {rate}, and ")
            + (wait is { } known
                ? FormattableString.Invariant(
                    $"this recording and those before it would wait {known.TotalSeconds:F1} s. Call again later, or with a later deadline.")
                : "its live streams take all of it. Call again when one has ended."));
        if (wait is { } after)
        {
            var retry = Math.Max(1, Math.Ceiling((after - patience).TotalSeconds));
            refusal.Trailers.Add(StatusMapping.RetryAfter, FormattableString.Invariant($"{retry}"));
        }
        return refusal;
    }

    public static RpcException NoConfig(string got) => Invalid(
        $"the first message of Stream must be config; got {got}.");

    public static RpcException ConfigTwice() => Invalid("config was sent twice; it is the first message of Stream, and only that.");

    public static RpcException EmptyMessage() => Invalid("request is empty; each message of Stream carries config, audio or finish.");

    public static RpcException AfterFinish(string got) => new(new Status(
        StatusCode.FailedPrecondition, $"{got} was sent after finish; finish is the last message of Stream."));

    public static RpcException EmptyAudio(string field) => Invalid($"{field} is empty; at least one sample frame is needed.");

    public static RpcException TornFrame(int bytes, int bytesPerFrame) => Invalid(
        $"audio.data has {bytes} bytes, which ends inside a sample frame; whole frames of {bytesPerFrame} bytes (channels × bytes per "
        + "sample) are needed.");

    public static RpcException NegativePosition(long firstSample) => Invalid($"audio.first_sample is {firstSample}; 0 or more.");

    public static RpcException AfterLoss(long? firstSample, long most) => Invalid(
        $"audio.after_loss is set, and audio.first_sample is {(firstSample is { } first ? $"{first}" : "missing")}; 0 to {most}.");

    public static RpcException NotContiguous(long firstSample, long expected) => new(new Status(
        StatusCode.OutOfRange, $"audio.first_sample is {firstSample}; audio within a call is contiguous, sample {expected} is expected."));

    public static RpcException PositionGap(long firstSample, long nextSample) => new(new Status(
        StatusCode.OutOfRange,
        $"audio.first_sample is {firstSample}; the stream has audio up to sample {nextSample} and expects that one next."));

    public static RpcException BrokenMessage(Exception broken) =>
        Invalid($"the request's bytes are no message of this method: {broken.Message}");

    public static RpcException ModelName(string text) => Invalid(
        $"model '{Short(text)}' ({text.Length} characters) is not {NameRule}.");

    public static RpcException TooManyLabels(int count, int most) => Invalid($"filter.labels has {count} entries; at most {most}.");

    public static RpcException StreamId(string text) => Invalid(
        $"stream_id '{Short(text)}' ({text.Length} characters) is not {NameRule}.");

    public static RpcException NoFormat() => Invalid("format is missing; encoding, sample_rate_hz and channels are needed.");

    public static RpcException Encoding(int value) =>
        Invalid($"format.encoding is {value}; one of ENCODING_PCM16 (1) to ENCODING_MU_LAW (6).");

    public static RpcException Chunk(double seconds) => Invalid($"chunk is {seconds} s; a multiple of 0.32 s from 0.32 s to 10.24 s.");

    public static RpcException LookAhead(double seconds) =>
        Invalid($"look_ahead is {seconds} s; a multiple of 0.01 s from 0 s to 10.24 s.");

    public static RpcException LatencyBudget(double seconds) => Invalid($"latency_budget is {seconds} s; 0.32 s to 20.48 s.");

    public static RpcException FromChunk(long value) => Invalid($"from_chunk is {value}; 0 or more.");

    public static RpcException Selection() =>
        Invalid("more than one of stream_id, stream_ids, prefix and all_streams is set; exactly one is needed.");

    public static RpcException TooManyIds(string fields, int count, int most) => Invalid($"{fields} has {count} entries; at most {most}.");

    public static RpcException MinInterval(double seconds) => Invalid($"min_interval is {seconds} s; 0 s to 1 h.");

    public static RpcException Away(double seconds, TimeSpan most) => Invalid($"away is {seconds} s; 0 s to {most.TotalDays} days.");

    public static RpcException Slow(int value) =>
        Invalid($"slow is {value}; one of SLOW_POLICY_DROP_OLDEST (1) to SLOW_POLICY_DISCONNECT (3).");

    public static RpcException TooManyStreams(int most) => Exhausted(
        "subscription_streams",
        $"one subscription asks for more than {most} streams, this grid's limit (Grid:Gateway:SubscriptionStreams); name fewer.");

    public static RpcException TooSlow(string stream, long missing, long next) => Exhausted(
        "subscriber_speed",
        $"the subscriber is too slow: {missing} chunks of stream '{stream}' from chunk {next} on are no longer kept (slow is DISCONNECT).");

    public static RpcException EventScore(string field, float value) => Invalid($"{field} is {value}; 0 to 1, and off at most on.");

    public static RpcException EventSpan(string field, double seconds, double most) => Invalid($"{field} is {seconds} s; 0 s to {most} s.");

    public static RpcException SourceSpan(string field, double seconds, double most) =>
        Invalid($"{field} is {seconds} s; 1 s to {most} s.");

    public static RpcException SilentBelow(float value) => Invalid($"source.silent_below_dbfs is {value}; -120 to 0.");

    public static RpcException ClippedShare(float value) => Invalid($"source.clipped_share is {value}; above 0, to 1.");

    public static RpcException LabelRules(int count, int most) => Invalid($"label_events has {count} rules; at most {most}.");

    public static RpcException Time(string field, long seconds, int nanos) => Invalid(
        $"{field} is {seconds} s and {nanos} ns since 1970; a time of the years 1 to 9999, with 0 to 999,999,999 ns.");

    public static RpcException CaptureTime(DateTimeOffset time, int first, int last) =>
        Invalid($"capture_time is {time:u}; a time of the years {first} to {last}.");

    public static RpcException Begun(DateTimeOffset time, DateTimeOffset now) =>
        Invalid($"begun is {time:u}; a time from 1970 to now ({now:u}), as Ready.begun of an earlier call.");

    public static RpcException TimeRange(DateTimeOffset from, DateTimeOffset to, TimeSpan longest) => Invalid(
        $"selection.from is {from:u} and selection.to {to:u}; from before to, and at most {longest.TotalDays:F0} days.");

    public static RpcException Format(int value) =>
        Invalid($"format is {value}; one of EXPORT_FORMAT_JSON_LINES (1) to EXPORT_FORMAT_WEBVTT (5).");

    public static RpcException OneStream(int count) => Invalid($"selection.stream_ids has {count} entries; this format is of one stream.");

    public static RpcException WentBack(StreamId stream, long to, long kept) => new(new Status(
        StatusCode.Unavailable,
        $"stream '{stream.Name}' went back to sample {to}, and this gateway keeps its audio from sample {kept} on. "
        + $"Call again with stream_id '{stream.Name}'; Ready says from which sample to go on."));

    public static RpcException Busy(TimeSpan waited, long applied) => new(new Status(
        StatusCode.Unavailable,
        $"the device has been too busy for {waited.TotalSeconds:F1} s. Call again later; the stream has audio up to sample {applied}."));

    public static RpcException OldestSample(long value, long most) => Invalid($"oldest_sample is {value}; 0 to {most}.");

    public static RpcException Top(int value) => Invalid($"filter.top is {value}; 0 or more.");

    public static RpcException Score(string field, float value) => Invalid($"{field} is {value}; 0 to 1.");

    public static RpcException UnknownLabel(string label, string model, IEnumerable<string> names) => new(new Status(
        StatusCode.NotFound,
        $"filter.labels: model '{model}' has no label '{Short(label)}'; ListLabels names them.{Nearest.Question(Short(label), names)}"));

    public static RpcException LabelOfNoModel(string field, string label, IEnumerable<string> names) => new(new Status(
        StatusCode.NotFound,
        $"{field}: no model of this grid has a label '{Short(label)}'; ListLabels names them.{Nearest.Question(Short(label), names)}"));

    public static RpcException PageSize(int value, int most, int standard) =>
        Invalid($"page_size is {value}; 1 to {most:N0}, or 0 for {standard}.");

    public static RpcException PageToken(string value) => Invalid($"page_token '{Short(value)}' is none that an answer gave.");

    private static string NameRule => $"1 to {Contracts.StreamId.MaxNameLength} of {Contracts.StreamId.Alphabet}";

    private static RpcException Exhausted(string limit, string message) =>
        new(new Status(StatusCode.ResourceExhausted, message), new Metadata { { StatusMapping.Limit, limit } });

    private static RpcException Invalid(string message) => new(new Status(StatusCode.InvalidArgument, message));

    private static string Short(string text) => text.Length <= 64 ? text : text[..64] + "…";
}
