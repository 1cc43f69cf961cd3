using System.Globalization;
using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Dass.Grid.V1;
using Encoding = System.Text.Encoding;

namespace Dass.Grid.Notify;

/// <summary>What a rule says of an event: one message, the same however often it is sent.</summary>
internal sealed record Notice
{
    /// <summary>A field that is added later is absent in a journal of before.</summary>
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // it goes to programs, not into pages
    };

    /// <summary>A function of the event and the rule: a receiver that has seen it has the message.</summary>
    public required string Id { get; init; }

    public required string Rule { get; init; }

    public required string StreamId { get; init; }

    /// <summary>When the stream began: ids of streams can be used again.</summary>
    public required DateTime Begun { get; init; }

    /// <summary>Unique in the stream.</summary>
    public required string EventId { get; init; }

    public required string Label { get; init; }

    public required string LabelId { get; init; }

    /// <summary>UTC, as all times.</summary>
    public required DateTime Onset { get; init; }

    public required DateTime Offset { get; init; }

    /// <summary>Stream time.</summary>
    public required double OnsetSeconds { get; init; }

    public required double OffsetSeconds { get; init; }

    public required float PeakScore { get; init; }

    public required float MeanScore { get; init; }

    public required string Model { get; init; }

    /// <summary>The sound has only begun: offset and scores are as far as it has been heard.</summary>
    public bool Began { get; init; }

    /// <summary>No event: an operator tries the rule.</summary>
    public bool Test { get; init; }

    /// <summary>What templates and environments of commands may name, each as text.</summary>
    public IReadOnlyDictionary<string, string> Fields => new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["id"] = Id,
        ["rule"] = Rule,
        ["stream_id"] = StreamId,
        ["event_id"] = EventId,
        ["label"] = Label,
        ["label_id"] = LabelId,
        ["onset"] = Text(Onset),
        ["offset"] = Text(Offset),
        ["duration_seconds"] = (OffsetSeconds - OnsetSeconds).ToString("0.00", CultureInfo.InvariantCulture),
        ["peak_score"] = PeakScore.ToString("0.000", CultureInfo.InvariantCulture),
        ["mean_score"] = MeanScore.ToString("0.000", CultureInfo.InvariantCulture),
        ["model"] = Model,
        ["begun"] = Text(Begun),
        ["type"] = Type,
        ["test"] = Test ? "true" : "false",
    };

    private string Type => Test ? "sound.test" : Began ? "sound.began" : "sound.ended";

    /// <summary>The names of <see cref="Fields"/>.</summary>
    public static IReadOnlyList<string> FieldNames { get; } = [.. Example("rule").Fields.Keys];

    public static Notice From(string rule, KeptEvent kept) => new()
    {
        Id = IdOf(rule, kept),
        Rule = rule,
        StreamId = kept.StreamId,
        Begun = kept.Begun.ToDateTime(),
        EventId = kept.Event.Id,
        Label = kept.Event.Label,
        LabelId = kept.Event.LabelId,
        Onset = kept.Onset.ToDateTime(),
        Offset = kept.Offset.ToDateTime(),
        OnsetSeconds = kept.Event.OnsetSeconds,
        OffsetSeconds = kept.Event.OffsetSeconds,
        PeakScore = kept.Event.PeakScore,
        MeanScore = kept.Event.MeanScore,
        Model = kept.Model,
        Began = kept.Event.Kind == EventKind.Opened,
    };

    /// <summary>A message that an operator asks for. Its id is another each time.</summary>
    public static Notice Example(string rule, DateTime now = default) => new()
    {
        Id = $"test_{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))}",
        Rule = rule,
        StreamId = "test",
        Begun = now,
        EventId = "0-0",
        Label = "Test",
        LabelId = "",
        Onset = now,
        Offset = now,
        OnsetSeconds = 0,
        OffsetSeconds = 0,
        PeakScore = 1,
        MeanScore = 1,
        Model = "",
        Test = true,
    };

    /// <summary>The event's part of all ids: equal for equal events.</summary>
    public static UInt128 KeyOf(KeptEvent kept) => Hash(
        string.Create(CultureInfo.InvariantCulture, $"{kept.StreamId}\n{kept.Begun.ToDateTime().Ticks}\n{kept.Event.Id}"));

    /// <summary>The message in the form of Standard Webhooks: type, timestamp, data.</summary>
    public byte[] Payload() => JsonSerializer.SerializeToUtf8Bytes(
        new { type = Type, timestamp = Offset, data = Data() }, Json);

    /// <summary>The data alone, with what Home Assistant takes for the type of an event: the label.</summary>
    public byte[] FlatPayload() => JsonSerializer.SerializeToUtf8Bytes(Data() with { EventType = Label }, Json);

    private NoticeData Data() => new(
        null, Id, Rule, StreamId, Label, LabelId, Onset, Offset, Math.Round(OffsetSeconds - OnsetSeconds, 6), PeakScore, MeanScore,
        OnsetSeconds, OffsetSeconds, Begun, EventId, Model, Test, Began);

    private static string IdOf(string rule, KeptEvent kept) =>
        string.Create(CultureInfo.InvariantCulture, $"evt_{Hash($"{rule}\n{KeyOf(kept)}"):x32}");

    private static UInt128 Hash(string text) =>
        System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static string Text(DateTime time) => time.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
}

/// <summary>What receivers get of a message, in this order.</summary>
internal sealed record NoticeData(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? EventType, string Id, string Rule, string StreamId,
    string Label, string LabelId, DateTime Onset, DateTime Offset, double DurationSeconds, float PeakScore, float MeanScore,
    double OnsetSeconds, double OffsetSeconds, DateTime Begun, string EventId, string Model, bool Test,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Began);
