using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Dass.Grid.V1;

namespace Dass.Grid.Gateway.Protocol;

/// <summary>Kept events as the lines of a file.</summary>
internal static class EventText
{
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Begin(ExportFormat format, StringBuilder text) => text.Append(format switch
    {
        ExportFormat.Csv => "stream_id,onset,offset,onset_seconds,offset_seconds,label_id,label,peak_score,mean_score,model,event_id\n",
        ExportFormat.Webvtt => "WEBVTT\n\n",
        _ => "",
    });

    public static void Write(ExportFormat format, LoggedEvent sound, StringBuilder text)
    {
        var invariant = CultureInfo.InvariantCulture;
        var offset = sound.Onset + TimeSpan.FromSeconds(sound.OffsetSeconds - sound.OnsetSeconds);
        switch (format)
        {
            case ExportFormat.JsonLines:
                text.Append(JsonSerializer.Serialize(
                    new
                    {
                        stream_id = sound.Stream,
                        onset = sound.Onset.UtcDateTime,
                        offset = offset.UtcDateTime,
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
            case ExportFormat.Csv:
                text.Append(invariant, $"{sound.Stream},{sound.Onset.UtcDateTime:O},{offset.UtcDateTime:O},");
                text.Append(invariant, $"{sound.OnsetSeconds:R},{sound.OffsetSeconds:R},");
                text.Append(invariant, $"{Quoted(sound.LabelId)},{Quoted(sound.Label)},");
                text.Append(invariant, $"{sound.Peak:R},{sound.Mean:R},{sound.Model},{sound.Id}\n");
                break;
            case ExportFormat.Audacity:
                text.Append(invariant, $"{sound.OnsetSeconds:F6}\t{sound.OffsetSeconds:F6}\t{OneLine(sound.Label)}\n");
                break;
            case ExportFormat.Rttm:
                text.Append(invariant, $"SPEAKER {sound.Stream} 1 ");
                text.Append(invariant, $"{sound.OnsetSeconds:F3} {sound.OffsetSeconds - sound.OnsetSeconds:F3} <NA> <NA> ");
                text.Append(invariant, $"{OneLine(sound.Label).Replace(' ', '_')} {sound.Peak:F3} <NA>\n");
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
