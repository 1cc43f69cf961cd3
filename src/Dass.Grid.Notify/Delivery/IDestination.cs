using Dass.Grid.Notify.Rules;

namespace Dass.Grid.Notify.Delivery;

/// <summary>A place that messages are sent to. Safe for several senders at a time.</summary>
internal interface IDestination : IAsyncDisposable
{
    /// <summary>Sends a message once, and answers when the receiver has it or an attempt has failed. Failures are answers.</summary>
    /// <exception cref="OperationCanceledException">The sender stops.</exception>
    Task<DeliveryOutcome> SendAsync(Notice notice, CancellationToken cancellationToken);

    /// <param name="spec">What it is.</param>
    /// <param name="isTrial">Whether it sends once: nothing that others see says that it came or went.</param>
    /// <param name="clock">Of pauses. Null: the machine's.</param>
    public static IDestination Create(DestinationSpec spec, bool isTrial = false, TimeProvider? clock = null) => spec switch
    {
        WebhookSpec webhook => new WebhookDestination(webhook, clock ?? TimeProvider.System),
        MqttSpec mqtt => new MqttDestination(mqtt, isTrial, clock ?? TimeProvider.System),
        CommandSpec command => new CommandDestination(command),
        FileSpec file => new FileDestination(file),
        _ => throw new NotSupportedException($"{spec.GetType().Name} is no destination."),
    };
}

/// <summary>What became of an attempt.</summary>
/// <param name="Kind">Whether to try again.</param>
/// <param name="Reason">Why not, for people; without secrets.</param>
/// <param name="RetryAfter">What the receiver asks for. Null: nothing.</param>
internal sealed record DeliveryOutcome(DeliveryKind Kind, string Reason = "", TimeSpan? RetryAfter = null)
{
    public static readonly DeliveryOutcome Delivered = new(DeliveryKind.Delivered);

    public static DeliveryOutcome Failed(string reason, TimeSpan? retryAfter = null) => new(DeliveryKind.Failed, reason, retryAfter);

    public static DeliveryOutcome Refused(string reason) => new(DeliveryKind.Refused, reason);
}

internal enum DeliveryKind
{
    Delivered,

    /// <summary>Another attempt may succeed.</summary>
    Failed,

    /// <summary>The receiver will never take this message.</summary>
    Refused,
}
