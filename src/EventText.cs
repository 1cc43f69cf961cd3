using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Dass.Grid;

/// <summary>Formats of files of events.</summary>
internal enum EventFileFormat
{
    JsonLines,
    Csv,
    Audacity,
    Rttm,
    WebVtt,
}

/// <summary>One event of a file.</summary>
/// <param name="Stream">Id of its stream, or the name of its recording.</param>
/// <param name="Onset">Time of day. Null: not known.</param>
/// <param name="OnsetSeconds">Begin in stream time.</param>
/// <param name="OffsetSeconds">End in stream time.</param>
/// <param name="LabelId">Machine id of its label.</param>
/// <param name="Label">Display name of its label.</param>
/// <param name="Peak">Highest chunk score, 0 to 1.</param>
/// <param name="Mean">Mean score, 0 to 1.</param>
/// <param name="Model">That heard it.</param>
/// <param name="Id">Unique in its stream.</param>
internal readonly record struct EventLine(
    string Stream, DateTimeOffset? Onset, double OnsetSeconds, double OffsetSeconds, string LabelId, string Label, float Peak, float Mean,
    string Model, string Id);

/// <summary>
/// Events as the lines of a file. Linked into every project that writes such files, so that a recording's are those of a stream.
/// </summary>
internal static class EventText
{
    private static readonly JsonSerializerOptions Json = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>Whether a file can hold the events of one stream only: its lines do not name the stream.</summary>
    public static bool IsOfOneStream(EventFileFormat format) => format is EventFileFormat.Audacity or EventFileFormat.WebVtt;

    /// <summary>Ending of a file's name, with its dot.</summary>
    public static string Extension(EventFileFormat format) => format switch
    {
        EventFileFormat.JsonLines => ".jsonl",
        EventFileFormat.Csv => ".csv",
        EventFileFormat.Audacity => ".txt",
        EventFileFormat.Rttm => ".rttm",
        _ => ".vtt",
    };

    public static void Begin(EventFileFormat format, StringBuilder text) => text.Append(format switch
    {
        EventFileFormat.Csv =>
            "stream_id,onset,offset,onset_seconds,offset_seconds,label_id,label,peak_score,mean_score,model,event_id\n",
        EventFileFormat.WebVtt => "WEBVTT\n\n",
        _ => "",
    });

    public static void Write(EventFileFormat format, in EventLine sound, StringBuilder text)
    {
        var invariant = CultureInfo.InvariantCulture;
        var (onset, offset) = (
            sound.Onset?.UtcDateTime, (sound.Onset + TimeSpan.FromSeconds(sound.OffsetSeconds - sound.OnsetSeconds))?.UtcDateTime);
        switch (format)
        {
            case EventFileFormat.JsonLines:
                text.Append(JsonSerializer.Serialize(
                    new
                    {
                        stream_id = sound.Stream,
                        onset,
                        offset,
                        onset_seconds = sound.OnsetSeconds,
                        offset_seconds = sound.OffsetSeconds,
                        label_id = sound.LabelId,
                        label = sound.Label,
                        peak_score = sound.Peak,
                        mean_score = sound.Mean,
                        model = sound.Model,
                        event_id = sound.Id,
                    },
                    Json)).Append('\n');
                break;
            case EventFileFormat.Csv:
                text.Append(invariant, $"{Quoted(sound.Stream)},{onset:O},{offset:O},");
                text.Append(invariant, $"{sound.OnsetSeconds:R},{sound.OffsetSeconds:R},");
                text.Append(invariant, $"{Quoted(sound.LabelId)},{Quoted(sound.Label)},");
                text.Append(invariant, $"{sound.Peak:R},{sound.Mean:R},{Quoted(sound.Model)},{Quoted(sound.Id)}\n");
                break;
            case EventFileFormat.Audacity:
                text.Append(invariant, $"{sound.OnsetSeconds:F6}\t{sound.OffsetSeconds:F6}\t{OneLine(sound.Label)}\n");
                break;
            case EventFileFormat.Rttm:
                text.Append(invariant, $"SPEAKER {OneWord(sound.Stream)} 1 ");
                text.Append(invariant, $"{sound.OnsetSeconds:F3} {sound.OffsetSeconds - sound.OnsetSeconds:F3} <NA> <NA> ");
                text.Append(invariant, $"{OneWord(sound.Label)} {sound.Peak:F3} <NA>\n");
                break;
            default:
                text.Append(invariant, $"{Clock(sound.OnsetSeconds)} --> {Clock(sound.OffsetSeconds)}\n");
                text.Append(invariant, $"{Escaped(OneLine(sound.Label))}\n\n");
                break;
        }
    }

    private static string Quoted(string text) =>
        text.AsSpan().IndexOfAny(",\"\n\r") >= 0 ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;

    private static string OneLine(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));

    private static string OneWord(string text) =>
        string.Concat(text.Select(c => char.IsControl(c) || char.IsWhiteSpace(c) ? '_' : c));

    private static string Escaped(string text) =>
        text.Replace("&", "&amp;", StringComparison.Ordinal)
            .Replace("<", "&lt;", StringComparison.Ordinal)
            .Replace(">", "&gt;", StringComparison.Ordinal);

    private static string Clock(double seconds)
    {
        var time = TimeSpan.FromMilliseconds(Math.Round(Math.Max(0, seconds) * 1_000));
        return string.Create(
            CultureInfo.InvariantCulture, $"{(int)time.TotalHours:00}:{time.Minutes:00}:{time.Seconds:00}.{time.Milliseconds:000}");
    }
}
