using System.Text.Json;
using System.Text.Json.Serialization;
using Dass.Grid.Notify.Rules;

namespace Dass.Grid.Notify.State;

/// <summary>One line of a journal: what it changes. Absent fields change nothing.</summary>
internal sealed record JournalEntry
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>The rule is for events that end then or later.</summary>
    public DateTime? Since { get; init; }

    /// <summary>A hash of the rule that the entries before it were made by.</summary>
    public string? Rule { get; init; }

    /// <summary>A hash of what that rule asked the grid for. Null in a journal of before.</summary>
    public string? Selection { get; init; }

    /// <summary>All events that the grid listed before then have been decided on.</summary>
    public DateTime? Read { get; init; }

    /// <summary>Events that have been decided on: key in hexadecimal digits, and ticks of the onset.</summary>
    public Dictionary<string, long>? Seen { get; init; }

    /// <summary>Messages that are to be sent, in order.</summary>
    public IReadOnlyList<Notice>? Send { get; init; }

    /// <summary>What cooldowns and firsts of the day need.</summary>
    public Dictionary<string, SentBefore>? Sent { get; init; }

    /// <summary>Id of a message that has been sent, or given up.</summary>
    public string? Done { get; init; }

    public byte[] ToLine() => [.. JsonSerializer.SerializeToUtf8Bytes(this, Json), (byte)'\n'];

    /// <returns>Null: the line is torn or broken.</returns>
    public static JournalEntry? Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize<JournalEntry>(line, Json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
