using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway;

/// <summary>Limits of the gateway's calls.</summary>
public sealed class GatewayOptions
{
    /// <summary>Largest request message. Default: 1 MiB.</summary>
    public int MaxMessageBytes { get; set; } = 1 << 20;

    /// <summary>
    /// Audio messages of one call that wait for their stream; when they are full the call is not read, and HTTP/2 slows the client down.
    /// Default: 8.
    /// </summary>
    public int PendingMessages { get; set; } = 8;

    /// <summary>
    /// What a client may have sent of one call that the gateway has not read yet, in bytes: HTTP/2 then stops that call. Each connection
    /// holds as much for each of its calls, at most 100, so a call that is not read never stops its neighbours on the same connection.
    /// Default: 256 KiB, eight seconds of 16 kHz PCM16.
    /// </summary>
    public int UnreadBytes { get; set; } = 256 << 10;

    /// <summary>
    /// Connections of clients at once, all addresses and both of the clients' ports together; one more is closed. Default: 10,000.
    /// </summary>
    public int MaxConnections { get; set; } = 10_000;

    /// <summary>
    /// Connections of one address at once; of IPv6, of one /64. A proxy in front of the grid is one address. Default: 2,000.
    /// </summary>
    public int MaxConnectionsPerAddress { get; set; } = 2_000;

    /// <summary>
    /// Of <see cref="MaxConnections"/>, those on which no call has been authenticated yet, those of health checks included. Default: 1,000.
    /// </summary>
    public int MaxUnauthenticatedConnections { get; set; } = 1_000;

    /// <summary>The same of one address. Default: 100.</summary>
    public int MaxUnauthenticatedConnectionsPerAddress { get; set; } = 100;

    /// <summary>
    /// Calls of health and reflection at once, which need no key; one address may have a quarter of them. At least 4. Default: 256.
    /// </summary>
    public int MaxKeylessCalls { get; set; } = 256;

    /// <summary>
    /// Whether gRPC reflection and <c>/openapi/v1.json</c> show the protos, to callers without a key, too. Default: true.
    /// </summary>
    public bool Reflection { get; set; } = true;

    /// <summary>Longest piece of audio that is pushed at once; longer messages are cut. Default: 1 second.</summary>
    public TimeSpan MaxPush { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Longest audio that a client reports as lost and that is filled with silence; after a longer loss the stream begins anew with a gap.
    /// At most 10 s. Default: 2 seconds.
    /// </summary>
    public TimeSpan MaxFilledLoss { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a call waits for a device that cannot keep up before it ends with UNAVAILABLE. Default: 10 seconds.</summary>
    public TimeSpan BusyPatience { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a call looks for its stream when the stream's silo is gone, before it ends with UNAVAILABLE. Default: 30 seconds.
    /// </summary>
    public TimeSpan RecoveryPatience { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Audio of one call that is kept because its stream's silo could still lose it. From half of it on a checkpoint is asked for; when it
    /// is full the call is not read, and HTTP/2 slows the client down. Default: 8 MiB, four minutes of 16 kHz PCM16.
    /// </summary>
    public int RetainedBytes { get; set; } = 8 << 20;

    /// <summary>
    /// Chunks that wait for a subscriber; when they are full the oldest go, to be read again from the stream's history. Default: 64.
    /// </summary>
    public int SubscriberQueueChunks { get; set; } = 64;

    /// <summary>Streams that one subscription may have at once. Default: 1,000.</summary>
    public int SubscriptionStreams { get; set; } = 1_000;

    /// <summary>
    /// Tenants that have series of their own in this gateway's metrics, the first that come; all others are "other". 0: none. Default: 200.
    /// </summary>
    public int MetricTenants { get; set; } = 200;

    /// <summary>
    /// A chunk whose tags are written later than this after its audio came is traced for any Grid:TraceRatio. Default: 1 second.
    /// </summary>
    public TimeSpan SlowChunk { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Origins of web pages, e.g. <c>https://dashboard.example.org</c>, that may call here by HTTP and WebSocket beside pages of the
    /// gateway's own host. Behind a proxy that ends TLS, the origin that browsers see is one of them. Default: none.
    /// </summary>
    public List<string> Origins { get; } = [];

    /// <summary>Whether <c>/</c> answers with the console, a page to look at the grid. Default: true.</summary>
    public bool Console { get; set; } = true;

    /// <summary>
    /// How long the cookie of a page's session (<c>POST /v1/session</c>) stands for the key that it was opened with. At most 400 days.
    /// Default: 7 days.
    /// </summary>
    public TimeSpan SessionLifetime { get; set; } = TimeSpan.FromDays(7);

    /// <summary>
    /// How often a WebSocket is pinged; one that does not answer for as long ends, for its client's network has gone. Default: 20 seconds.
    /// </summary>
    public TimeSpan SocketPing { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// How often a gateway renews its observer lease, and finds a stream that has changed its silo; a third of the silos' ObserverLease or
    /// less. Default: 2 seconds.
    /// </summary>
    public TimeSpan LeaseRenewal { get; set; } = TimeSpan.FromSeconds(2);
}

/// <summary>Reports every broken rule at start.</summary>
internal sealed class GatewayOptionsValidator : IValidateOptions<GatewayOptions>
{
    public ValidateOptionsResult Validate(string? name, GatewayOptions options)
    {
        static string Key(string option) => $"Grid:Gateway:{option}";
        var rules = new OptionRules();
        rules.Rule(
            options.MaxMessageBytes is >= 4096 and <= 1 << 26,
            Key(nameof(options.MaxMessageBytes)), options.MaxMessageBytes, "4,096 to 67,108,864");
        rules.AtLeast(Key(nameof(options.PendingMessages)), options.PendingMessages, 1);
        rules.Rule(
            options.UnreadBytes is >= 65_535 and <= 1 << 24,
            Key(nameof(options.UnreadBytes)), options.UnreadBytes, "65,535 to 16,777,216");
        rules.AtLeast(Key(nameof(options.MaxConnections)), options.MaxConnections, 1);
        rules.AtLeast(Key(nameof(options.MaxConnectionsPerAddress)), options.MaxConnectionsPerAddress, 1);
        rules.AtLeast(Key(nameof(options.MaxUnauthenticatedConnections)), options.MaxUnauthenticatedConnections, 1);
        rules.AtLeast(
            Key(nameof(options.MaxUnauthenticatedConnectionsPerAddress)), options.MaxUnauthenticatedConnectionsPerAddress, 1);
        rules.AtLeast(Key(nameof(options.MaxKeylessCalls)), options.MaxKeylessCalls, 4);
        rules.Rule(
            options.MaxPush >= TimeSpan.FromMilliseconds(10), Key(nameof(options.MaxPush)), $"{options.MaxPush}", "at least 10 ms");
        rules.Rule(
            options.MaxFilledLoss >= TimeSpan.Zero && options.MaxFilledLoss <= TimeSpan.FromSeconds(10),
            Key(nameof(options.MaxFilledLoss)), $"{options.MaxFilledLoss}", "0 to 10 s");
        rules.ZeroOrMore(Key(nameof(options.BusyPatience)), options.BusyPatience);
        rules.ZeroOrMore(Key(nameof(options.RecoveryPatience)), options.RecoveryPatience);
        rules.AtLeast(Key(nameof(options.RetainedBytes)), options.RetainedBytes, 1 << 16);
        rules.AtLeast(Key(nameof(options.SubscriberQueueChunks)), options.SubscriberQueueChunks, 1);
        rules.AtLeast(Key(nameof(options.SubscriptionStreams)), options.SubscriptionStreams, 1);
        rules.Rule(
            options.MetricTenants is >= 0 and <= 10_000, Key(nameof(options.MetricTenants)), options.MetricTenants, "0 to 10,000");
        rules.ZeroOrMore(Key(nameof(options.SlowChunk)), options.SlowChunk);
        rules.Timer(Key(nameof(options.SocketPing)), options.SocketPing);
        rules.Timer(Key(nameof(options.LeaseRenewal)), options.LeaseRenewal);
        rules.Rule(
            options.SessionLifetime > TimeSpan.Zero && options.SessionLifetime <= TimeSpan.FromDays(400),
            Key(nameof(options.SessionLifetime)), $"{options.SessionLifetime}", "more than 0, to 400 days");
        foreach (var origin in options.Origins)
        {
            rules.Rule(
                Uri.TryCreate(origin, UriKind.Absolute, out var page) && page.GetLeftPart(UriPartial.Authority) == origin,
                Key(nameof(options.Origins)), $"'{origin}'", "scheme://host or scheme://host:port in lower case, without a path");
        }
        return rules.Result;
    }
}
