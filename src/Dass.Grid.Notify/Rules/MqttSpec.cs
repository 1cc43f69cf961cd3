using System.Security.Cryptography.X509Certificates;

namespace Dass.Grid.Notify.Rules;

internal sealed record MqttSpec : DestinationSpec
{
    public required string Host { get; init; }

    public required int Port { get; init; }

    public bool IsEncrypted { get; init; }

    public string? User { get; init; }

    public string? Password { get; init; }

    /// <summary>The authorities that sign the broker's certificate. Null: those of the machine.</summary>
    public X509Certificate2Collection? Authorities { get; init; }

    /// <summary>What topics begin with: <c>dass</c> makes <c>dass/yard/dogs</c>.</summary>
    public string Topic { get; init; } = "dass";

    /// <summary>What Home Assistant's discovery topics begin with. Null: nothing is announced.</summary>
    public string? Discovery { get; init; }

    public override string Shown => $"{(IsEncrypted ? "mqtts" : "mqtt")}://{Host}:{Port}";
}
