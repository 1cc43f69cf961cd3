using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Dass.Grid.Notify.Rules;

/// <summary>Where messages go, as a file of rules says.</summary>
internal abstract record DestinationSpec
{
    public required string Name { get; init; }

    /// <summary>A message that fails for so long goes to the dead letters. Infinite: it is tried for ever.</summary>
    public TimeSpan GiveUpAfter { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Streams whose messages are sent at a time; those of one stream are sent one after another.</summary>
    public int Parallel { get; init; } = 4;

    /// <summary>An attempt that takes longer has failed.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The destination as its file has it, with a hash of its secrets: equal texts are equal destinations.</summary>
    public string Definition { get; init; } = "";

    /// <summary>What people and logs may see of it.</summary>
    public abstract string Shown { get; }
}

internal sealed record WebhookSpec : DestinationSpec
{
    public required Uri Url { get; init; }

    /// <summary>Keys of the signature, the newest first. Empty: messages are not signed.</summary>
    public IReadOnlyList<byte[]> Secrets { get; init; } = [];

    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>What is sent instead of the event's JSON: texts in it may name fields, as in <c>{label}</c>. Null: the event.</summary>
    public JsonElement? Body { get; init; }

    /// <summary>The authorities that sign the receiver's certificate. Null: those of the machine.</summary>
    public X509Certificate2Collection? Authorities { get; init; }

    /// <summary>Paths and queries of chats' addresses are their passwords.</summary>
    public override string Shown => Url.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped);
}

internal sealed record CommandSpec : DestinationSpec
{
    /// <summary>A program and its arguments.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    public override string Shown => Command[0];
}

internal sealed record FileSpec : DestinationSpec
{
    public required string Path { get; init; }

    public override string Shown => Path;
}
